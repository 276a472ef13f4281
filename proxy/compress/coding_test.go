package compress

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiate(t *testing.T) {
	tests := []struct {
		accept string // lines separated by |; none for "-"
		want   Coding
		must   bool
	}{
		{"-", Identity, false},
		{"", Identity, false},
		{"gzip", Gzip, false},
		{"zstd", Zstd, false},
		{"GZip", Gzip, false},
		{"x-gzip", Gzip, false},
		{"br", Identity, false},
		{"identity", Identity, false},
		{"gzip, deflate, br, zstd", Zstd, false},
		{"gzip|zstd", Zstd, false},
		{"gzip, zstd;q=0.999", Gzip, false},
		{"gzip;q=0.8, zstd;q=0.8", Zstd, false},
		{"gzip;q=0.001", Gzip, false},
		{"gzip;q=0", Identity, false},
		{"gzip;q=0.000, zstd;q=0", Identity, false},
		{"gzip ; q=0.5 , zstd\t;\tQ=0.4", Gzip, false},
		{"gzip, gzip;q=0", Gzip, false},
		{"*", Zstd, false},
		{"*;q=0.5", Zstd, false},
		{"*, zstd;q=0", Gzip, false},
		{"*, zstd;q=0, gzip;q=0", Identity, false},
		{"gzip, *;q=0", Gzip, true},
		{"*;q=0", Identity, false},
		{"gzip;q=0.5, identity", Identity, false},
		{"gzip;q=0.5, identity;q=0.5", Gzip, false},
		{"gzip;q=0.5, identity;q=0.6", Identity, false},
		{"gzip, identity;q=0", Gzip, true},
		{"identity;q=0, zstd;q=0.1", Zstd, true},
		{"identity;q=0", Identity, false},
		{"identity;q=0, *", Zstd, true},
		{"*;q=0, identity", Identity, false},
		// What breaks the grammar is as if it were not there.
		{"gzip;q=2", Identity, false},
		{"gzip;q=1.001", Identity, false},
		{"gzip;q=.5", Identity, false},
		{"gzip;q=-1", Identity, false},
		{"gzip;q=", Identity, false},
		{"gzip;q=0.1234", Identity, false},
		{"gzip;level=1", Identity, false},
		{"gzip;q=1;q=0", Identity, false},
		{";q=1, , gzip", Gzip, false},
		{strings.Repeat("br,", 31) + "gzip", Gzip, false},
		{strings.Repeat("br,", 32) + "gzip", Identity, false},
	}
	for _, test := range tests {
		t.Run(test.accept, func(t *testing.T) {
			header := http.Header{}
			if test.accept != "-" {
				header["Accept-Encoding"] = strings.Split(test.accept, "|")
			}
			coding, must := Negotiate(header)
			require.Equal(t, test.want, coding)
			require.Equal(t, test.must, must)
			require.Zero(t, testing.AllocsPerRun(10, func() { Negotiate(header) }))
		})
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, accept := range []string{"", "gzip;q=0.5, *;q=0", "identity;q=0,zstd", ";;q=,=,*"} {
		f.Add(accept)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		coding, must := Negotiate(http.Header{"Accept-Encoding": {accept}})
		require.Contains(t, codings, coding)
		if !strings.Contains(accept, "*") && coding != Identity {
			require.Contains(t, strings.ToLower(accept), string(coding))
		}
		if must {
			require.NotEqual(t, Identity, coding)
		}
	})
}
