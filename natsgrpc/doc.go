// Package natsgrpc carries gRPC calls over NATS JetStream work queues. Generated clients and servers of any gRPC service
// work on it unchanged: [Conn] is a grpc.ClientConnInterface, [Server] a grpc.ServiceRegistrar.
//
// Work is pulled: a server asks for as many calls as it has free slots, so a call goes only to an instance that has
// asked for it, and a slow instance takes no more than it can do. A call that its worker loses is redelivered. It
// carries unary calls.
//
//	conn, err := natsgrpc.NewConn(nc)                 // client
//	users := ratingv1.NewUserServiceClient(conn)
//
//	srv, err := natsgrpc.NewServer(nc)                // server
//	ratingv1.RegisterUserServiceServer(srv, handlers)
//	err = srv.Serve(ctx)                              // pulls until ctx ends, then drains
//
// # Queries and commands
//
// A method with `option idempotency_level = NO_SIDE_EFFECTS` is a query, every other method is a command. Queries wait in
// memory, and their answers are sent once. Commands wait on disk, their answers are kept, and a command that a
// worker gets before its deadline is executed even if its caller has left.
//
// A command is delivered at least once. To act once, a handler stores [RequestInfo].ID in the transaction of its effect.
//
// # The wire, version 1
//
// The rest of this comment is the specification that a client or a server in another language is written from. In
// subjects, <svc> is the full name of the service with each dot as "_"; <shard> is "0"; <method> is the method's name;
// <id> names the call; <conn> names a client connection. <id> and <conn> are one subject token of at most 128
// characters.
//
//	qry.<svc>.<shard>.<method>.<id>   request of a query
//	cmd.<svc>.<shard>.<method>.<id>   request of a command
//	rep.<svc>.<conn>.<n>              answer to a query; <n> is the client's number for the call
//	rsp.<svc>.<id>.<conn>             answer to a command
//	dead.<svc>.<method>.<id>          a command that was given up
//	alive.<svc>                       a probe; every server of the service replies to it with an empty message
//
// Streams. Each service has up to two queues, the work-queue streams QRY_<svc>_<shard> on "qry.<svc>.<shard>.>" and
// CMD_<svc>_<shard> on "cmd.<svc>.<shard>.>", both DiscardNew, CMD with one message per subject (DiscardNewPerSubject),
// QRY with message TTLs allowed. Each has one durable pull consumer, "workers": explicit acks, MaxDeliver -1,
// MaxAckPending -1, no BackOff, and the queue's ack wait. The stream RESPONSES on "rsp.>" is DiscardOld and keeps the
// answers to commands for an hour or 1 GiB, one for each subject; DEAD on "dead.>" keeps dead letters for a week or 1 GiB.
// [Queues], [Dead] and [Responses] compute them from the options in
// natsgrpc/v1/delivery.proto. [Ensure] makes them; in production, where others do, [Verify] compares.
//
// Permissions. [ServerPermissions] and [ConnPermissions] are the least that a NATS user needs who serves or calls.
//
// Request. The message's data is the encoded request message, its reply subject an inbox for the PubAck. Its headers:
//
//	Nats-Msg-Id         <id>; fresh for each call, the same when a publish is repeated
//	Natsgrpc-Reply-To   where the answer goes: the rep or rsp subject of this call, and nothing else
//	Natsgrpc-Deadline   when the caller gives up, in nanoseconds since the Unix epoch; absent for never
//	Nats-TTL            queries only: the time to the deadline in whole seconds, rounded up, plus one; garbage collection
//	Md-<key>            metadata, a header line for each value; <key> and value follow gRPC's rules. The values of keys
//	                    that end in "-bin" are in base64 without padding; in others "%" and the spaces at both ends are
//	                    percent-encoded
//
// Names of headers are case-sensitive. A stream takes no message whose headers exceed 65,535 bytes: such a request is
// RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE, before it is sent.
//
// The client subscribes to "rep.*.<conn>.*" and "rsp.*.*.<conn>" before it publishes, and does not wait for the PubAck:
// the call ends with the first of its answer, an error in the PubAck, and its deadline. PubAck errors:
//
//	no responders                                            UNAVAILABLE, reason NO_QUEUE
//	10077 "maximum messages exceeded", "maximum bytes …"     RESOURCE_EXHAUSTED, reason QUEUE_FULL, with a RetryInfo
//	10077 "maximum messages per subject …", 10158            the queue has this call already: wait for its answer
//	another                                                  UNAVAILABLE, reason NO_QUEUE
//
// Without a PubAck the client publishes the same message again after 1 s, 2 s, 4 s, and so on; a query also after it, since
// its queue may be lost with a server. Errors in the PubAcks of repeated publishes do not end the call.
//
// Pulling. A server publishes {"batch": n, "expires": 5000000000} to the consumer's MSG.NEXT with a reply subject of
// its own, where n is the number of its free slots that it has not promised to an earlier pull. A slot is free from the
// return of one handler to the delivery of the next call. A promise ends with a delivery, or with the status message
// that ends its pull: its header Nats-Pending-Messages says how many deliveries will not come.
//
// Delivery. The ack subject tells the number of the delivery, which is the attempt. A delivery that reached nobody, because
// its worker left just then, counts too. A server, in this order,
//
//   - answers DEADLINE_EXCEEDED when the deadline has passed;
//   - gives a call back with a delay when it does not know the method, since another version may; from the 5th attempt
//     on it answers UNIMPLEMENTED;
//   - runs nothing when the attempt is beyond the method's attempts: it writes the dead letter of a command, then answers
//     INTERNAL, reason ATTEMPTS_EXHAUSTED, and terminates the request (+TERM);
//   - runs the handler, with the deadline as its own.
//
// While it has the request it sends "+WPI" to the ack subject every 3/10 of the ack wait, with a reply subject. When the
// last +WPI that was replied to was sent 9/10 of an ack wait ago, the server cancels the handler and neither answers nor
// acks: by then the request may be another worker's, whose delivery a late ack would delete.
//
// A handler that panics or returns [Retry] has not answered: the server sends "-NAK {"delay": <ns>}" with the method's
// back-off, doubled for each attempt up to 32 times, changed by up to a fifth. Any other result is the answer.
//
// Answer. Data is the encoded response message, empty for an error. Its headers:
//
//	Grpc-Status               the code, as a decimal number; absent for OK
//	Grpc-Message              the message, percent-encoded as UTF-8
//	Grpc-Status-Details-Bin   the google.rpc.Status, in base64 without padding, if it has details
//	Md-<key>, Tr-<key>        header and trailer metadata, as in requests
//
// A query's answer is published to its rep subject, then the request is acked. A command's answer is published to its
// rsp subject with a reply subject for the PubAck of RESPONSES; the request is acked when that has come. Without it the
// answer, never the handler, is repeated every second. The client takes the first answer and ignores its reply subject.
// A server publishes to no Natsgrpc-Reply-To that is not the rep or rsp subject of its own service and call. An answer
// beyond the NATS server's max_payload, or with headers beyond 65,535 bytes, loses its metadata and details; if it is no
// error, it becomes RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE.
//
// Dead letters. "dead.<svc>.<method>.<id>", in the stream DEAD, holds the data and the headers of a command that was given
// up, but Nats-Msg-Id and Natsgrpc-Deadline, and Natsgrpc-Attempts, how often it was tried. It is published with a reply
// subject for the PubAck, and again every second until that has come; only then comes the answer. A replay publishes the
// request under its old subject and a new Nats-Msg-Id; its answer replaces the kept one.
//
// Draining. A server stops pulling, drains its subscriptions (JetStream gives what it cannot deliver to another pull at
// once), waits for its handlers, and leaves when every answer is acked.
//
// Reasons are those of google.rpc.ErrorInfo details with the domain "natsgrpc".
package natsgrpc
