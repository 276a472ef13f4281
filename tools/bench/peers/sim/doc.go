// Package sim simulates calls to many instances of a service, by discrete events, where a machine has no room to run them:
// from one instance to ten thousand, and 10^6 to 10^7 calls in seconds. A run is decided by its [Config], seed included.
//
// # The model
//
// Calls arrive open loop, as a Poisson process: nobody waits for an answer before he sends the next. Each has a service
// time, drawn when it arrives, so that every policy is given the same calls in the same order. An instance has slots, each of
// which runs one call at a time; a slow one takes [Config.SlowFactor] times as long for each.
//
// With [Pull] a call goes to a stream, which takes [Calibration.StreamTime] for each, one after another: that is the rate
// that it can do. A worker asks the stream for as many calls as it has slots free, and again when one has become free. The
// stream serves the waiting pulls in turn, one call each, and a pull that wants more goes to the end, as nats-server's
// waitQueue.pop does. It keeps [Calibration.MaxWaiting] of them and refuses others, whose workers ask again after
// [Calibration.PullRetry]. A slot is therefore idle for two hops between two calls, however many wait.
//
// With the other policies a balancer gives a call to an instance when it arrives, and there it waits for a slot, first come,
// first served. Each of [Config.Callers] balances by what it knows itself: the calls that it has out.
//
//	Pull          nobody chooses: the first free slot takes the oldest call
//	RoundRobin    each instance in turn, from a random one on
//	LeastRequest  the instance with the fewest calls of this caller, of several a random one
//	TwoChoices    of two random instances, which may be the same, the one with fewer calls of this caller
//	Random        any instance, with the same probability
//
// What is killed is gone with all calls that it had. With Pull the stream delivers them again, before all others, an ack
// wait after the last sign of life (every 3/10 of the ack wait, as package natsgrpc sends them). With the others they fail at
// once, and balancers choose among the instances that are left.
//
// A call without an answer at its deadline has expired; who finds it in a queue later does not run it.
//
// # What it leaves out
//
// Processors, which instances share in no production but on a laptop; the network's own queues and losses; retries by
// callers, of which none has an influence that the calibration could measure; garbage collection. Hops are constant. So a
// simulated tail is that of queues alone, and the least that a real one can be.
package sim
