package transcode

import (
	"iter"
	"mime"
	"strconv"
	"strings"
)

// maxMediaRanges bounds how many elements of a request's Accept fields are read. Browsers send fewer than ten.
const maxMediaRanges = 64

// mediaRange is an element of an Accept field (RFC 9110, section 12.5.1).
type mediaRange struct {
	mediaType string  // `type/subtype`, `type/*` or `*/*`, in lower case
	quality   float64 // from 0, for what the client does not want, to 1
}

// negotiate returns which of the offers, media types in lower case and without parameters, the client likes best by the
// values of its Accept fields, and "" if it wants none of them. Of equals the first is taken. For each offer the most
// specific range counts, with its highest quality where it is there twice; parameters but q are ignored. Without the
// field, or with nothing in it that can be understood, anything is liked.
func negotiate(accept []string, offers ...string) string {
	ranges := mediaRanges(accept)
	if len(ranges) == 0 {
		return offers[0]
	}
	best, highest := "", 0.0
	for _, offer := range offers {
		if quality := qualityOf(offer, ranges); quality > highest {
			best, highest = offer, quality
		}
	}
	return best
}

// mediaRanges reads Accept fields, without what cannot be understood.
func mediaRanges(accept []string) []mediaRange {
	var ranges []mediaRange
	for _, field := range accept {
		for element := range listElements(field) {
			if len(ranges) == maxMediaRanges {
				return ranges
			}
			mediaType, params, err := mime.ParseMediaType(element)
			if err != nil {
				continue
			}
			if quality, ok := parseQuality(params); ok {
				ranges = append(ranges, mediaRange{mediaType: mediaType, quality: quality})
			}
		}
	}
	return ranges
}

// parseQuality returns the weight of an element, 1 without the parameter q. It takes more than the grammar, since the
// HTTP client of Java's library sends `q=.2`.
func parseQuality(params map[string]string) (float64, bool) {
	q, ok := params["q"]
	if !ok {
		return 1, true
	}
	if strings.Trim(q, "0123456789.") != "" {
		return 0, false
	}
	quality, err := strconv.ParseFloat(q, 64)
	return min(quality, 1), err == nil
}

// qualityOf returns the quality of the most specific range that covers an offer, 0 if none does.
func qualityOf(offer string, ranges []mediaRange) float64 {
	quality, specific := 0.0, notCovered
	for _, r := range ranges {
		switch s := r.covers(offer); {
		case s == notCovered:
		case s > specific, s == specific && r.quality > quality:
			quality, specific = r.quality, s
		}
	}
	return quality
}

// specificity says how narrow a range is that covers a media type.
type specificity int

const (
	notCovered specificity = iota
	byAny
	byType
	byName
)

func (r mediaRange) covers(mediaType string) specificity {
	topLevel, isType := strings.CutSuffix(r.mediaType, "/*")
	switch {
	case r.mediaType == mediaType:
		return byName
	case r.mediaType == "*/*":
		return byAny
	case isType && strings.HasPrefix(mediaType, topLevel+"/"):
		return byType
	}
	return notCovered
}

// listElements yields the elements of a field that is a list; a comma within quotes separates nothing (RFC 9110, section
// 5.6).
func listElements(field string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(field); i++ {
			switch c := field[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c == ',' && !quoted:
				if !yield(field[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(field[start:])
	}
}
