package compress

import (
	"net/http"
	"strings"
)

// Coding is a content coding, by its name in headers.
type Coding string

const (
	// Identity is no coding; it is in no Content-Encoding.
	Identity Coding = "identity"
	// Gzip is RFC 1952's.
	Gzip Coding = "gzip"
	// Zstd is RFC 8878's.
	Zstd Coding = "zstd"
)

// codings are those that there are, the preferred ones first.
var codings = [...]Coding{Zstd, Gzip, Identity}

// maxElements bounds how many elements of a request's Accept-Encoding are read. Browsers send four.
const maxElements = 32

// Negotiate returns the coding that a client likes best by its Accept-Encoding, and whether it refuses to be answered
// without one. Of equals zstd goes first, then gzip; but where it is not named itself, no coding at all comes last. Without
// the field, or where everything is refused, it is Identity. Elements that break the grammar are skipped.
func Negotiate(header http.Header) (best Coding, mustEncode bool) {
	lines := header["Accept-Encoding"]
	if len(lines) == 0 {
		return Identity, false
	}
	w := newWeights(lines)
	best, highest := Identity, 0
	for _, coding := range codings {
		weight := w.of(coding)
		if coding == Identity && w.byName[len(codings)-1] == unnamed && weight > 0 {
			weight = 1 // it is acceptable, and the least
		}
		if weight > highest {
			best, highest = coding, weight
		}
	}
	return best, best != Identity && w.of(Identity) == 0
}

// unnamed is the weight of what is not in a list.
const unnamed = -1

// weights are those of an Accept-Encoding, in thousandths.
type weights struct {
	byName [len(codings)]int
	any    int // of *
}

func newWeights(lines []string) weights {
	w := weights{byName: [...]int{unnamed, unnamed, unnamed}, any: unnamed}
	elements := 0
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			if elements++; elements > maxElements {
				return w
			}
			name, weight, ok := parseElement(element)
			if !ok {
				continue
			}
			if name == "*" {
				w.any = max(w.any, weight)
			}
			for i, coding := range codings {
				if isName(name, coding) {
					w.byName[i] = max(w.byName[i], weight)
				}
			}
		}
	}
	return w
}

// isName reports whether a name means a coding. They have no case, and x-gzip is gzip (RFC 9110, section 8.4.1.3).
func isName(name string, coding Coding) bool {
	return strings.EqualFold(name, string(coding)) || coding == Gzip && strings.EqualFold(name, "x-gzip")
}

// of returns the weight of a coding: its own, or that of *, or else what the absence of both means.
func (w weights) of(coding Coding) int {
	for i, known := range codings {
		if known == coding && w.byName[i] != unnamed {
			return w.byName[i]
		}
	}
	switch {
	case w.any != unnamed:
		return w.any
	case coding == Identity:
		return maxWeight
	}
	return 0
}

const maxWeight = 1000

// parseElement reads `coding` or `coding;q=0.5`.
func parseElement(element string) (name string, weight int, ok bool) {
	name, parameter, weighted := strings.Cut(element, ";")
	name = strings.Trim(name, " \t")
	if !weighted {
		return name, maxWeight, name != ""
	}
	key, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
	if key != "q" && key != "Q" || name == "" {
		return "", 0, false
	}
	weight, ok = parseWeight(value)
	return name, weight, ok
}

// parseWeight reads a qvalue (RFC 9110, section 12.4.2): 0 or 1 with up to three decimals, 1 at most.
func parseWeight(text string) (int, bool) {
	if text == "" || text[0] != '0' && text[0] != '1' || len(text) > len("0.123") || len(text) > 1 && text[1] != '.' {
		return 0, false
	}
	weight, unit := int(text[0]-'0')*maxWeight, 100
	for i := 2; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		weight += int(text[i]-'0') * unit
		unit /= 10
	}
	return weight, weight <= maxWeight
}
