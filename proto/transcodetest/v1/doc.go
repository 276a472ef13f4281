// Package transcodetestv1 has an API that uses what google.api.http has, to compare proxy/transcode with grpc-gateway.
package transcodetestv1
