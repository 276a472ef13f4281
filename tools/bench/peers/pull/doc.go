// Package pull compares instances that pull their work from a queue with instances that a balancer pushes it to: this
// project's transport beside grpc-go with round robin, least request and two random choices.
//
// A request says how long an instance is to sleep for it, so that all policies do the very same work: the same service
// times, due at the same moments. Each instance is a process, which serves a number of calls at once and no more. What is
// beyond waits: in the queue where instances pull, in the instance, first come, first served, where they are pushed to.
// Sleeping takes no processor, so that on a machine with two of them the waiting shows and not the machine.
//
// What the peers have better here than they would have elsewhere: one caller sees all calls in flight, where a [Cell] has one
// of them; a connection that breaks is known at once, for all is on one machine; and the address of an instance's
// replacement is known the moment it serves.
package pull
