// Package faults holds no code but tests: of the proxy in front of real queues, on real sockets, against clients that break
// the rules, leave, stop or flood, and without its service or NATS. After each the proxy answers others as before, and has
// given back what the fault took.
//
//	go test -race ./proxy/faults                                  as many at a time as take seconds
//	TEST_SIZE=full go test -timeout 30m ./proxy/faults -v         ten times as many, with figures
package faults
