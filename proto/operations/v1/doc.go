// Package operationsv1 has the operations resource: commands whose answers are fetched later. The proxy serves it, see
// proxy/operations.
package operationsv1
