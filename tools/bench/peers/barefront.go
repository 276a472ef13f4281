package main

import (
	"context"
	"io"
	"net/http"

	"github.com/nats-io/nats.go"

	"github.com/codingflow/rating/tools/bench/barequeue"
)

// bareFrontRole is the role of serveBareFront.
const bareFrontRole = "http-bare"

// serveBareFront is the least that a proxy before the queue can be: a server of net/http whose handler makes the bare round
// trip. It reads a request's body and looks at nothing but the method: GET makes the query, POST the command, each with the
// message that the proxy would make of the lab's request. The answer is the queue's, in protobuf.
func serveBareFront(ctx context.Context, c *serveCommand, ready func(string)) error {
	nc, err := nats.Connect(c.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	calls, err := bareCalls(nc, c.Payload)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, c, bareHandler(calls), ready)
}

// roundTrip makes a call and returns its answer.
type roundTrip func(context.Context) ([]byte, error)

// bareCalls are the round trips of the bare queues, by the kind of call.
func bareCalls(nc *nats.Conn, payload int) (map[string]roundTrip, error) {
	requests, err := bareRequests(payload)
	if err != nil {
		return nil, err
	}
	calls := map[string]roundTrip{}
	for _, kind := range kinds {
		requester, err := barequeue.NewRequester(nc, kind.queue)
		if err != nil {
			return nil, err
		}
		calls[kind.name] = func(ctx context.Context) ([]byte, error) { return requester.Call(ctx, requests[kind.request]) }
	}
	return calls, nil
}

// bareHandler makes a call of the kind that a request's method stands for. A call ends with its client's connection.
func bareHandler(calls map[string]roundTrip) http.Handler {
	query, command := calls[string(barequeue.Query)], calls[string(barequeue.Command)]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		round := query
		switch r.Method {
		case http.MethodGet:
		case http.MethodPost:
			round = command
		default:
			http.Error(w, "want GET or POST", http.StatusMethodNotAllowed)
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := round(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/protobuf")
		_, _ = w.Write(answer) // the client tells if it got none
	})
}
