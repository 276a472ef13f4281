// Package operations keeps the commands that clients have started with `Prefer: respond-async`, and serves them as
// operations.v1.OperationService, in the shape of google.longrunning. Every proxy of one NATS system can serve all of them, so
// an answer is fetched from another proxy when the one that has started the command is gone.
//
//	service, err := operations.New(conn, nc)
//	handler, err := server.New(service.Conn(conn), server.Config{Operations: service, …})
//
// # What is kept
//
// A command and its answer are natsgrpc's: the command in its queue, the answer in RESPONSES for an hour. What is kept here is
// whose they are: a record for each operation in the key-value bucket OPERATIONS, under the key `<principal>.<operation>`, with
// the method, the type of the response, when it was started and its deadline. The principal is auth.Principal's ID. The
// operation's id is that of its command, which is made of the principal, the method and a key (natsgrpc.CommandID): the
// client's Idempotency-Key, or else a random one. So a client that repeats a request under its key gets the same
// operation, whichever proxy it asks, and nobody can name the operation of another: the key that is looked up begins with the
// principal who asks.
//
// # What a lost proxy leaves behind
//
// The record is written before the command is published. A proxy that is lost before the record is there has not answered, and
// has done nothing. One that is lost between record and command leaves a record whose command no queue has and no answer is
// kept of. For half a minute, as long as another proxy may be about to publish it, such an operation is pending; then
// it is NOT_FOUND, and listed no more, as it is when its answer has expired. After the command is published nothing depends on
// the proxy.
//
// # How an operation ends
//
//   - With what its service answers. That includes the end of all attempts: INTERNAL, reason ATTEMPTS_EXHAUSTED. What
//     clients must not know of an error they are not told here either, see transcode.Presentable.
//   - With DEADLINE_EXCEEDED: a worker has found or cut off the command at its deadline, 15 minutes after its start; or a
//     minute later nobody has. A worker that comes still later answers the same.
//   - With FAILED_PRECONDITION, reason ANSWER_UNKNOWN, though the command has succeeded: its answer is of a message that nothing
//     describes which is served now, since its service has been removed. What cannot be shown in JSON is shown by no protocol.
//     When the service is published again while the answer is kept, the operation has its response.
//   - As NOT_FOUND, when the answer is not kept any more, or the command was lost with its queue. Records expire 80 minutes
//     after the operation was started last.
//
// # Who has operations
//
// Principals, the development one among them. A caller without one has none: it could be told from others by its address
// at best, and addresses are shared. Its `Prefer: respond-async` is not heeded, which RFC 7240 allows.
package operations
