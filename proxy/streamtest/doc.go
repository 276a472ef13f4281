// Package streamtest holds no code but tests: of streams between real HTTP clients and real gRPC handlers, with the proxy
// between them. Each runs four times: with the handlers behind gRPC and behind NATS, over HTTP/1.1 and over HTTP/2.
//
//	go test -race ./proxy/streamtest                                50,000 messages in the long streams
//	TEST_SIZE=full go test -timeout 30m ./proxy/streamtest -v       1,000,000, with figures
package streamtest
