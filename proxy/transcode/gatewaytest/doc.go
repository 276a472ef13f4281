// Package gatewaytest compares transcode with grpc-gateway: it sends the same requests to a handler of each, in front of
// the same gRPC server, and wants the same from both: the call, its request, the HTTP status and the answer. Where they
// differ the difference has a name and a reason in a table; one that is not listed, or no longer there, is a failure.
package gatewaytest
