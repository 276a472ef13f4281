// Package faults holds no code but tests: they kill, pause, cut off and starve real processes under natsgrpc, and prove
// what is left then of the promises in its package comment. A NATS server, the workers and, where a scenario needs it,
// the client are processes of their own: the test's binary, started again.
//
// Each scenario has 64 callers. In each, every call is answered with success or with the error that the scenario
// names, every accepted command has its effect, and none has it twice: the workers share one SQLite file and record
// request, answer and effect in one transaction.
//
//	go test -race ./natsgrpc/faults                      1,000 commands in each scenario
//	TEST_SIZE=full go test -race -timeout 30m ./natsgrpc/faults    10,000, and longer faults
//
// With -v each scenario logs its counts and its longest call. The tests need a Unix: they send SIGKILL and SIGSTOP.
package faults
