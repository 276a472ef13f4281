package transcode

import (
	"strings"
	"unique"
)

// trie finds the value for an HTTP method and a path. A step down takes one lookup in a map, whatever the number of
// routes, and a walk as many steps as the path has segments; where a literal and a wildcard compete it may take both ways.
// It is built once and then only read, by any number of goroutines.
type trie[V any] struct {
	root trieNode[V]
}

// trieNode stands for the segments on the way to it.
type trieNode[V any] struct {
	literals smallMap[*trieNode[V]]
	star     *trieNode[V]
	// end holds the templates that end here, by verb; "" is no verb.
	end smallMap[methods[V]]
	// deep holds the templates that go on with `**`, by verb.
	deep smallMap[methods[V]]
}

// methods holds the values of one pattern by HTTP method.
type methods[V any] struct{ smallMap[V] }

// anyMethod is the custom kind that stands for every HTTP method (google.api.CustomHttpPattern).
const anyMethod = "*"

// insert adds a value, unless there is one for the same method and pattern: then that is returned, and false.
func (t *trie[V]) insert(method string, tmpl *template, value V) (V, bool) {
	node := &t.root
	leaves := &node.end
	for _, s := range tmpl.segments {
		switch s.kind {
		case literalSegment:
			child, ok := node.literals.get(s.literal)
			if !ok {
				child = &trieNode[V]{}
				// Of the same literal in many nodes, `children`, there is one copy, which stays in the processor's cache.
				node.literals.set(unique.Make(s.literal).Value(), child)
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
	byMethod, _ := leaves.get(tmpl.verb)
	if old, taken := byMethod.get(method); taken {
		return old, false
	}
	byMethod.set(unique.Make(method).Value(), value)
	leaves.set(unique.Make(tmpl.verb).Value(), byMethod)
	return value, true
}

// trieWalk is one walk through a trie for a path and a verb.
type trieWalk[V any] struct {
	verb string
	// escaped says that the path has percent-encoding, so that its segments must be unescaped.
	escaped bool
	// visit is called with the methods of each pattern that matches, the most specific first, until it returns true.
	visit func(methods[V]) bool
	// steps counts the nodes that were looked at.
	steps int
}

// from walks on from a node with the raw segments that are left. It reports whether visit has returned true.
func (w *trieWalk[V]) from(n *trieNode[V], segments []string) bool {
	w.steps++
	if len(segments) == 0 {
		if found, ok := n.end.get(w.verb); ok && w.visit(found) {
			return true
		}
	} else {
		literal := segments[0]
		if w.escaped {
			literal = unescapeSegment(literal)
		}
		if child, ok := n.literals.get(literal); ok && w.from(child, segments[1:]) {
			return true
		}
		if n.star != nil && segments[0] != "" && w.from(n.star, segments[1:]) {
			return true
		}
	}
	found, ok := n.deep.get(w.verb)
	return ok && w.visit(found)
}

// find returns the value of the most specific template that matches the path and has the method, and the path's raw
// segments without the verb, appended to dst. A HEAD is found under GET too, and everything under anyMethod.
//
// Where a verb can be cut off, the templates with this verb go first; then the last segment is taken with its colon.
func (t *trie[V]) find(dst []string, method, path string) (value V, segments []string, ok bool) {
	segments, _ = t.walk(dst, path, func(found methods[V]) bool {
		value, ok = found.forMethod(method)
		return ok
	})
	return value, segments, ok
}

// allowed adds the HTTP methods of all templates that match the path to set.
func (t *trie[V]) allowed(path string, set map[string]struct{}) {
	t.walk(nil, path, func(found methods[V]) bool {
		for method := range found.keys {
			set[method] = struct{}{}
		}
		return false
	})
}

// walk calls visit with the methods of each pattern that matches the path, the most specific first, until visit returns
// true. It returns the raw segments, as find does, and how many nodes it has looked at.
func (t *trie[V]) walk(dst []string, path string, visit func(methods[V]) bool) (segments []string, steps int) {
	segments, ok := splitPath(dst, path)
	if !ok {
		return segments, 0
	}
	w := trieWalk[V]{escaped: strings.IndexByte(path, '%') >= 0, visit: visit}
	if len(segments) > 0 {
		last := &segments[len(segments)-1]
		whole := *last
		if colon := strings.LastIndexByte(whole, ':'); colon >= 0 && colon < len(whole)-1 {
			*last, w.verb = whole[:colon], unescapeSegment(whole[colon+1:])
			if !isDotSegment(unescapeSegment(*last)) && w.from(&t.root, segments) {
				return segments, w.steps
			}
			*last, w.verb = whole, ""
		}
	}
	w.from(&t.root, segments)
	return segments, w.steps
}

// forMethod returns the value for a request's HTTP method.
func (m *methods[V]) forMethod(method string) (V, bool) {
	if value, ok := m.get(method); ok {
		return value, true
	}
	if method == "HEAD" {
		if value, ok := m.get("GET"); ok {
			return value, true
		}
	}
	return m.get(anyMethod)
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
