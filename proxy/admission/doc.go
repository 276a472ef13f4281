// Package admission decides which requests are served when there are too many: what is refused is refused at once, and what
// is admitted is answered in bounded time. Nothing waits here.
//
// # Clients
//
// A [Client] is a principal, or where there is none an address: an IPv4 address, or the /64 of an IPv6 one, since that is
// what a single customer of a provider has (RFC 6177).
//
// # What is in flight
//
// A [Limiter] bounds how many requests are in flight, of all clients together and of each. A limit on what is in flight
// needs no rate that somebody has to guess: by Little's law it is the rate times the time that a request takes, so it
// admits as much as gets done. In this order a request is refused
//
//   - with UNAVAILABLE, reason OVERLOADED, if all that may be are in flight;
//   - with RESOURCE_EXHAUSTED, reason CLIENT_LIMIT, if as many of its client's are as may be of one client;
//   - with RESOURCE_EXHAUSTED, reason FAIR_SHARE, if its client has eight times as many in flight as there is room for, or
//     more.
//
// The last rule is the dynamic threshold by which switches share their memory among ports (Choudhury and Hahne, "Dynamic
// queue length thresholds for shared-memory packet switches", 1998). N clients that want everything get 8/(1+8N) of the
// limit each, so one alone gets 8/9 of it, and room for 1/(1+8N) is left for those who come. Who wants less gets all that it
// wants. The clients need not be counted for that.
//
// Streams last long, so they have a limiter of their own: they cannot use up what calls need, nor calls what streams need.
//
// # How long a call waits
//
// What is in flight says little of a queue that several proxies fill, or of a service that has become slow. A [Conn] knows how
// long a call is expected to wait, from the transport: what is in the queue by the rate at which that drains. A method's
// call is refused, with RESOURCE_EXHAUSTED,
//
//   - reason BACKLOG, if it would wait for longer than the longest wait that is allowed, or for more than twice that if its
//     client has no other in flight: a queue that has grown too long before it was heard of keeps few from being served;
//   - reason FAIR_SHARE, if its client's part of that wait is longer than what is left until the longest one. The part is that
//     of the client in the method's calls in flight. This is the dynamic threshold again, in time: N clients that want
//     everything make each other wait for N/(N+1) of the longest wait, one alone for half of it, and those who come are
//     admitted.
//
// A queue is for bursts. A standing one adds nothing to what gets done but the time that everybody waits, which is the
// insight of CoDel (RFC 8289); there, too, it is the time of waiting that is bounded, not the length. The slots of the workers
// stay busy as long as the allowed wait is longer than a call takes to reach an idle one, a few milliseconds. The client's
// own deadline is the transport's matter: natsgrpc refuses what would wait for more than half of it.
//
// # When to try again
//
// Every refusal has a google.rpc.RetryInfo, from 1 to 30 seconds: how long what is in flight takes to end, by the rate at which
// requests have ended in the last second; or, for a Conn's, how much longer than allowed the wait is.
//
// # What it costs
//
// The memory of a Limiter and of a Conn is bounded by what is in flight: a client is remembered while it has something in
// flight. A decision looks at no other client; one mutex guards it. BenchmarkLimiter has the figure.
package admission
