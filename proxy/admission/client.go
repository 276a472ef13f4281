package admission

import "net/netip"

// networkBits is how much of an IPv6 address tells clients apart.
const networkBits = 64

// Client is whom a request is counted for. Clients can be compared. The zero Client stands for all whose address is not
// known.
type Client struct {
	issuer, subject string
	address         netip.Addr
}

// Principal returns the client that a token names.
func Principal(issuer, subject string) Client { return Client{issuer: issuer, subject: subject} }

// At returns the client at an address with a port, as http.Request.RemoteAddr has it.
func At(remoteAddr string) Client {
	parsed, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return Client{}
	}
	address := parsed.Addr().Unmap().WithZone("")
	if address.Is6() {
		prefix, _ := address.Prefix(networkBits) // fails for more bits than there are only
		address = prefix.Addr()
	}
	return Client{address: address}
}
