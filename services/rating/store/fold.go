package store

import (
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns the form of a display name under which names are searched: with Unicode's full case folding, then in
// normalization form C. Case does not matter in any script (ÄRGER, Ärger), nor how an accent is encoded; the accent itself
// does.
func Fold(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// PrefixRange returns the range of folded names that start with a prefix, once that is folded too: from, included, to to,
// excluded, by code points. An empty to means no upper end.
func PrefixRange(prefix string) (from, to string) {
	from = Fold(prefix)
	for head := from; head != ""; {
		last, size := utf8.DecodeLastRuneInString(head)
		head = head[:len(head)-size]
		switch next := last + 1; {
		case next == surrogateMin:
			return from, head + string(rune(surrogateMax+1))
		case next <= utf8.MaxRune:
			return from, head + string(next)
		}
	}
	return from, ""
}

// The code points between these have no encoding in UTF-8.
const (
	surrogateMin = 0xD800
	surrogateMax = 0xDFFF
)
