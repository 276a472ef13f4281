package store

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestPrefixRange(t *testing.T) {
	for _, test := range []struct{ prefix, from, to string }{
		{"", "", ""},
		{"A", "a", "b"},
		{"az", "az", "a{"},
		{"É", "é", "ê"},
		{"a\U0010FFFF", "a\U0010FFFF", "b"},
		{"\U0010FFFF", "\U0010FFFF", ""},
		{"\uD7FF", "\uD7FF", "\uE000"},
		{"a\uD7FF", "a\uD7FF", "a\uE000"},
	} {
		from, to := PrefixRange(test.prefix)
		require.Equal(t, test.from, from, "%q", test.prefix)
		require.Equal(t, test.to, to, "%q", test.prefix)
		require.True(t, utf8.ValidString(to))
	}
}

func FuzzPrefixRange(f *testing.F) {
	f.Add("Straße", "STRASS")
	f.Add("\U0010FFFFx", "\U0010FFFF")
	f.Add("e\u0301", "e")
	f.Fuzz(func(t *testing.T, name, prefix string) {
		if !utf8.ValidString(name) || !utf8.ValidString(prefix) {
			t.Skip("the API's strings are UTF-8")
		}
		key := Fold(name)
		from, to := PrefixRange(prefix)
		inside := key >= from && (to == "" || key < to)
		require.Equal(t, strings.HasPrefix(key, Fold(prefix)), inside)
	})
}
