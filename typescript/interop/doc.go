// Package interop holds no code but tests: of workers in TypeScript with the callers, the workers and the proxy in Go. They
// carry the build tag integration, since they need Node and npm.
//
//	go test -tags integration ./typescript/interop
package interop
