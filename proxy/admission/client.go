package admission

import "net/netip"

// networkBits is how much of an IPv6 address tells clients apart: whoever has one address of a network has all of these.
const networkBits = 64

// Network returns what tells a client apart by its address: an IPv4 address, or the /64 of an IPv6 one.
func Network(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = networkBits
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// Client is whom a request is counted for. Clients can be compared. The zero Client stands for all whose address is not
// known.
type Client struct {
	issuer, subject string
	network         netip.Prefix
}

// Principal returns the client that a token names.
func Principal(issuer, subject string) Client { return Client{issuer: issuer, subject: subject} }

// At returns the client at an address with a port, as http.Request.RemoteAddr has it.
func At(remoteAddr string) Client {
	parsed, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return Client{}
	}
	return Client{network: Network(parsed.Addr().Unmap().WithZone(""))}
}
