package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The ways of proxies to say for whom they ask, see Config.ForwardedHeader.
const (
	ForwardedX        = "x-forwarded-for"
	ForwardedStandard = "forwarded"
)

const (
	forwardedHeader      = "Forwarded"
	forwardedForHeader   = "X-Forwarded-For"
	forwardedProtoHeader = "X-Forwarded-Proto"
)

// forwardingHeaders are those in which proxies say for whom they ask. What is not believed is not passed on either.
var forwardingHeaders = []string{
	forwardedHeader, forwardedForHeader, forwardedProtoHeader,
	"X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Real-Ip",
}

// forwarding says who is believed when it tells for whom it asks, and how it does so.
//
// Only one of the two ways counts. A proxy writes the one that it knows and hands on the other as the client has sent it,
// so to take whichever is there would be to believe the client.
type forwarding struct {
	trusted  []netip.Prefix
	believed []string
	// read returns the hops that the believed headers tell, the nearest last, and false if they are malformed.
	read func(http.Header) ([]hop, bool)
}

// hop is who has sent a request to a proxy.
type hop struct {
	client netip.Addr
	https  bool
}

func newForwarding(trusted []netip.Prefix, header string) (*forwarding, error) {
	f := &forwarding{}
	for _, prefix := range trusted {
		if !prefix.IsValid() {
			return nil, fmt.Errorf("trusted proxies: %v is no prefix of addresses", prefix)
		}
		f.trusted = append(f.trusted, prefix.Masked())
	}
	switch header {
	case ForwardedX:
		f.believed, f.read = []string{forwardedForHeader, forwardedProtoHeader}, readForwardedFor
	case ForwardedStandard:
		f.believed, f.read = []string{forwardedHeader}, readForwarded
	default:
		return nil, fmt.Errorf("forwarded header %q: it is %s or %s", header, ForwardedX, ForwardedStandard)
	}
	return f, nil
}

// trusts reports whether an address is one of the trusted proxies.
func (f *forwarding) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(f.trusted, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// handler gives next the request with the client's own address, and without the headers that are not believed.
func (f *forwarding) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, ok := f.client(r)
		for _, name := range forwardingHeaders {
			if !ok || !slices.Contains(f.believed, name) {
				delete(r.Header, name)
			}
		}
		if ok {
			r = r.WithContext(context.WithValue(r.Context(), forwardedKey{}, found))
			r.RemoteAddr = net.JoinHostPort(found.client.String(), "0") // its port is not known
		}
		next.ServeHTTP(w, r)
	})
}

// client returns for whom a trusted proxy asks, and false if the peer is none or does not say so in good form. With
// several proxies in a row it is the hop nearest to the server that is none of them: what stands before that is what the
// client has sent.
func (f *forwarding) client(r *http.Request) (hop, bool) {
	if len(f.trusted) == 0 || !f.trusts(peer(r.RemoteAddr)) {
		return hop{}, false
	}
	hops, ok := f.read(r.Header)
	if !ok || len(hops) == 0 {
		return hop{}, false
	}
	for i := len(hops) - 1; i > 0; i-- {
		if !hops[i].client.IsValid() || !f.trusts(hops[i].client) {
			return hops[i], hops[i].client.IsValid()
		}
	}
	return hops[0], hops[0].client.IsValid()
}

type forwardedKey struct{}

// isSecure reports whether the client has sent a request by TLS, to the server or to a proxy that is trusted.
func isSecure(r *http.Request) bool {
	if found, ok := r.Context().Value(forwardedKey{}).(hop); ok {
		return found.https
	}
	return r.TLS != nil
}

// peer returns the address in a `host:port`, and the zero one if there is none.
func peer(hostPort string) netip.Addr {
	address, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return address.Addr().Unmap().WithZone("")
}

// readForwardedFor reads X-Forwarded-For: addresses, each with or without a port, of which each proxy appends one.
// X-Forwarded-Proto says the scheme. It has no place for several, so one of several is not believed.
func readForwardedFor(header http.Header) ([]hop, bool) {
	proto := header.Values(forwardedProtoHeader)
	https := len(proto) == 1 && strings.EqualFold(proto[0], "https")
	var hops []hop
	for _, line := range header.Values(forwardedForHeader) {
		for node := range strings.SplitSeq(line, ",") {
			// What is malformed before the hop that counts is the client's, and does not matter.
			hops = append(hops, hop{client: nodeAddress(strings.Trim(node, " \t")), https: https})
		}
	}
	return hops, true
}

// readForwarded reads Forwarded (RFC 7239). It is all malformed where a part of it is: a client's open quote would
// swallow what the proxy appends.
func readForwarded(header http.Header) ([]hop, bool) {
	var hops []hop
	for _, line := range header.Values(forwardedHeader) {
		p := forwardedParser{text: line}
		for {
			found, ok := p.element()
			if !ok {
				return nil, false
			}
			hops = append(hops, found)
			if p.text == "" {
				break
			}
			p.text = p.text[1:] // the comma
		}
	}
	return hops, true
}

// forwardedParser reads Forwarded from the start of a text, which it cuts off:
//
//	Forwarded = element *( OWS "," OWS element )
//	element   = [ pair ] *( ";" [ pair ] )
//	pair      = token "=" ( token / quoted-string )
type forwardedParser struct{ text string }

// element reads up to the end or a comma. The parameters but for and proto are skipped.
func (p *forwardedParser) element() (hop, bool) {
	var found hop
	seen := map[string]bool{}
	for {
		p.space()
		if p.text != "" && p.text[0] != ';' && p.text[0] != ',' {
			name, value, ok := p.pair()
			if !ok || seen[name] {
				return hop{}, false
			}
			seen[name] = true
			switch name {
			case "for":
				found.client = nodeAddress(value)
			case "proto":
				found.https = strings.EqualFold(value, "https")
			}
			p.space()
		}
		if p.text == "" || p.text[0] == ',' {
			return found, true
		}
		if p.text[0] != ';' {
			return hop{}, false
		}
		p.text = p.text[1:]
	}
}

func (p *forwardedParser) space() { p.text = strings.TrimLeft(p.text, " \t") }

func (p *forwardedParser) pair() (name, value string, ok bool) {
	name = strings.ToLower(p.token())
	if name == "" || p.text == "" || p.text[0] != '=' {
		return "", "", false
	}
	p.text = p.text[1:]
	if p.text != "" && p.text[0] == '"' {
		value, ok = p.quoted()
		return name, value, ok
	}
	value = p.token()
	return name, value, value != ""
}

// nodeCharacters are those of a token (RFC 9110, section 5.6.2), and the colon and brackets, which proxies do not quote
// as they should.
const nodeCharacters = "!#$%&'*+-.^_`|~:[]0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func (p *forwardedParser) token() string {
	rest := strings.TrimLeft(p.text, nodeCharacters)
	token := p.text[:len(p.text)-len(rest)]
	p.text = rest
	return token
}

func (p *forwardedParser) quoted() (string, bool) {
	var value strings.Builder
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case '"':
			p.text = p.text[i+1:]
			return value.String(), true
		case '\\':
			if i++; i == len(p.text) {
				return "", false
			}
			value.WriteByte(p.text[i])
		default:
			value.WriteByte(c)
		}
	}
	return "", false
}

// nodeAddress returns the address in a node of either header, `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or
// `[2001:db8::1]:80`, and the zero one for anything else, such as `unknown` and `_hidden`.
func nodeAddress(node string) netip.Addr {
	if address := peer(node); address.IsValid() {
		return address
	}
	if strings.HasPrefix(node, "[") && strings.HasSuffix(node, "]") {
		node = node[1 : len(node)-1]
	}
	address, err := netip.ParseAddr(node)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
