package transcode

import "strings"

// trie finds the value for an HTTP method and a path. A step down takes one map lookup, or two where a literal and a
// wildcard compete, whatever the number of routes. It is built once and then only read, by any number of goroutines.
type trie[V any] struct {
	root trieNode[V]
}

// trieNode stands for the segments on the way to it.
type trieNode[V any] struct {
	literals map[string]*trieNode[V]
	star     *trieNode[V]
	// end holds the templates that end here, by verb; "" is no verb.
	end map[string]methods[V]
	// deep holds the templates that go on with `**`, by verb.
	deep map[string]methods[V]
}

// methods holds the values of one pattern by HTTP method.
type methods[V any] map[string]V

// anyMethod is the custom kind that stands for every HTTP method (google.api.CustomHttpPattern).
const anyMethod = "*"

// insert adds a value, unless there is one for the same method and pattern: then that is returned, and false.
func (t *trie[V]) insert(method string, tmpl *template, value V) (V, bool) {
	node := &t.root
	leaves := &node.end
	for _, s := range tmpl.segments {
		switch s.kind {
		case literalSegment:
			child := node.literals[s.literal]
			if child == nil {
				child = &trieNode[V]{}
				if node.literals == nil {
					node.literals = map[string]*trieNode[V]{}
				}
				node.literals[s.literal] = child
			}
			node = child
			leaves = &node.end
		case starSegment:
			if node.star == nil {
				node.star = &trieNode[V]{}
			}
			node = node.star
			leaves = &node.end
		case deepSegment:
			leaves = &node.deep
		}
	}
	if *leaves == nil {
		*leaves = map[string]methods[V]{}
	}
	byMethod := (*leaves)[tmpl.verb]
	if byMethod == nil {
		byMethod = methods[V]{}
		(*leaves)[tmpl.verb] = byMethod
	}
	if old, taken := byMethod[method]; taken {
		return old, false
	}
	byMethod[method] = value
	return value, true
}

// walk calls visit with the methods of each pattern that matches the path, the most specific first, until visit returns
// true; it reports whether that happened. Segments are raw.
func (n *trieNode[V]) walk(segments []string, verb string, visit func(methods[V]) bool) bool {
	if len(segments) == 0 {
		if found := n.end[verb]; found != nil && visit(found) {
			return true
		}
	} else {
		head := segments[0]
		if n.literals != nil {
			if child := n.literals[unescapeSegment(head)]; child != nil && child.walk(segments[1:], verb, visit) {
				return true
			}
		}
		if n.star != nil && head != "" && n.star.walk(segments[1:], verb, visit) {
			return true
		}
	}
	found := n.deep[verb]
	return found != nil && visit(found)
}

// find returns the value of the most specific template that matches the path and has the method, and the path's raw
// segments without the verb, appended to dst. A HEAD is found under GET too, and everything under anyMethod.
//
// Where a verb can be cut off, the templates with this verb go first; then the last segment is taken with its colon.
func (t *trie[V]) find(dst []string, method, path string) (value V, segments []string, ok bool) {
	visit := func(found methods[V]) bool {
		value, ok = found.get(method)
		return ok
	}
	segments = t.walkPath(dst, path, visit)
	return value, segments, ok
}

// allowed adds the HTTP methods of all templates that match the path to set.
func (t *trie[V]) allowed(path string, set map[string]struct{}) {
	t.walkPath(nil, path, func(found methods[V]) bool {
		for method := range found {
			set[method] = struct{}{}
		}
		return false
	})
}

func (t *trie[V]) walkPath(dst []string, path string, visit func(methods[V]) bool) []string {
	segments, ok := splitPath(dst, path)
	if !ok || len(segments) == 0 {
		if ok {
			t.root.walk(segments, "", visit)
		}
		return segments
	}
	last := &segments[len(segments)-1]
	if colon := strings.LastIndexByte(*last, ':'); colon >= 0 && colon < len(*last)-1 {
		whole := *last
		*last = whole[:colon]
		if !isDotSegment(unescapeSegment(*last)) && t.root.walk(segments, unescapeSegment(whole[colon+1:]), visit) {
			return segments
		}
		*last = whole
	}
	t.root.walk(segments, "", visit)
	return segments
}

func (m methods[V]) get(method string) (V, bool) {
	if value, ok := m[method]; ok {
		return value, true
	}
	if method == "HEAD" {
		if value, ok := m["GET"]; ok {
			return value, true
		}
	}
	value, ok := m[anyMethod]
	return value, ok
}

// splitPath appends the raw segments of an escaped path to dst. The path "/" has none. It returns false for a path that
// matches nothing: one that does not start with a slash or has a dot segment.
func splitPath(dst []string, path string) ([]string, bool) {
	if !strings.HasPrefix(path, "/") {
		return dst, false
	}
	path = path[1:]
	for more := path != ""; more; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		if isDotSegment(unescapeSegment(segment)) {
			return dst, false
		}
		dst = append(dst, segment)
	}
	return dst, true
}
