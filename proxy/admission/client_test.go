package admission

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoIsOneClient(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b Client
		same bool
	}{
		{"another port", At("192.0.2.1:1"), At("192.0.2.1:2"), true},
		{"another address", At("192.0.2.1:1"), At("192.0.2.2:1"), false},
		{"IPv4 in IPv6", At("[::ffff:192.0.2.1]:1"), At("192.0.2.1:1"), true},
		{"the same /64", At("[2001:db8:1:2:3::4]:1"), At("[2001:db8:1:2:ffff::1]:2"), true},
		{"another /64", At("[2001:db8:1:2::4]:1"), At("[2001:db8:1:3::4]:1"), false},
		{"a zone", At("[fe80::1%eth0]:1"), At("[fe80::2]:1"), true},
		{"no address", At("@"), At(""), true},
		{"no address and one", At("@"), At("192.0.2.1:1"), false},
		{"another subject", Principal("https://a", "x"), Principal("https://a", "y"), false},
		{"another issuer", Principal("https://a", "x"), Principal("https://b", "x"), false},
		{"a principal and an address", Principal("", "192.0.2.1"), At("192.0.2.1:1"), false},
	} {
		require.Equal(t, test.same, test.a == test.b, test.name)
	}
}
