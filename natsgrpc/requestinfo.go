package natsgrpc

import "context"

// RequestInfo is what a handler can know of the delivery of its call.
type RequestInfo struct {
	// ID names the call. It is the same in each attempt, so a handler that stores it in the transaction of its effect acts
	// once. Package natsgrpc/once does it.
	ID string
	// Attempt counts the deliveries of the request from 1. A lost worker's attempt counts too, and so does a
	// delivery that reached nobody because its worker left just then.
	Attempt int
}

type requestInfoKey struct{}

// FromContext returns the delivery of the call that ctx belongs to, and false where natsgrpc did not deliver it.
func FromContext(ctx context.Context) (RequestInfo, bool) {
	t, ok := ctx.Value(requestInfoKey{}).(*task)
	if !ok {
		return RequestInfo{}, false
	}
	return RequestInfo{ID: t.id, Attempt: t.attempt}, true
}

// RequestID returns the ID of RequestInfo, "" where natsgrpc did not deliver the call.
func RequestID(ctx context.Context) string {
	info, _ := FromContext(ctx)
	return info.ID
}
