// Package overload holds no code but tests: they offer the proxy ten times what its service can do, and measure what comes
// out. A NATS server, a service, the proxy's own binary and the generator of the load are processes of their own, pinned
// with taskset: the generator to one core, all others to another.
//
// The service works for a fixed time in each of its slots, which is its capacity; what it really is with all that lies
// before it is measured first, by as many callers as fill the slots four times, each of whom calls again when it is answered.
// Then requests arrive at random (a Poisson process) at ten times that rate, whatever becomes of those before (an open
// loop), from clients with an address each, with a Request-Timeout. All times are counted from when a request was due,
// not from when it was sent, so that a generator that is late cannot hide what it has not sent; how late it was is
// measured, and a run with a late generator proves nothing and fails.
//
//	go test -tags integration ./proxy/overload -v                                     some seconds
//	TEST_SIZE=full go test -tags integration ./proxy/overload -v -timeout 20m         a minute of each load
//
// The tests need Linux and two cores. With -race everything but the proxy is slow, so the short ones ask for little.
package overload
