// Package natsgrpc carries gRPC calls over NATS JetStream work queues. Generated clients and servers of any gRPC service
// work on it unchanged: [Conn] is a grpc.ClientConnInterface, [Server] a grpc.ServiceRegistrar.
//
// Work is pulled: a server asks for as many calls as it has free slots, so a call goes only to an instance that has
// asked for it, and a slow instance takes no more than it can do. A call that its worker loses is redelivered. Streams
// of all three kinds are pulled in the same way and then pinned to the server that has claimed them.
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
// memory, their answers are sent once, and a query whose caller has left is cancelled. Commands wait on disk, their answers
// are kept, and a command that a worker gets before its deadline is executed even if its caller has left.
//
// A command is delivered at least once. To act once, a handler stores [RequestInfo].ID in the transaction of its effect:
// package once does that. A caller who may have to call again names the command with an [IdempotencyKey]; then any process
// gets its one answer. [Conn.Start] sends a command without waiting for its answer. [Conn.Answer] and [Conn.Await] read an
// answer by its call's id.
//
// # When there is too much
//
// Each kind of overload has a reason of its own in the error's google.rpc.ErrorInfo, and none is a silence: QUEUE_FULL (the
// queue holds as much as it may) and BACKLOG (it is so long that the call would wait for more than half of its time) come with a
// RetryInfo made of the rate at which the queue drains; NO_WORKERS (the queue is there, but nobody pulls from it) comes half a
// second after the call, and not before the service was silent for 5 seconds, in which its only server may restart; NO_QUEUE
// comes at once, but 5 seconds after the call where the queue, or the stream of answers, was there in the last 5 seconds: it is
// likely to have a leader again soon; NOT_CONNECTED comes at once, but a second after the connection was lost at the earliest;
// MESSAGE_TOO_LARGE comes at once.
//
// # Rolling updates
//
// Servers of two versions of a service pull from one queue. A call whose method the one does not know it hands over to one
// that does, with its attempts as they are. A call waits for a server that knows its method for half of its time, 30 seconds
// at most, and is UNIMPLEMENTED then.
//
// # Streams
//
// A stream takes a slot for as long as its handler runs, so a service whose streams are many or long wants more
// slots. A server runs the handler of a stream at most once: a stream whose server or connection is lost ends with
// UNAVAILABLE, reason STREAM_BROKEN, and it is for the caller to open another. A connection that comes back within 5
// seconds keeps its streams if none of their frames were lost. Messages of any size within gRPC's limits pass. A reader
// that is slow, or has stopped, stops its sender; each end keeps at most 256 KiB that have not been read, and the message
// that is being read.
//
// A stream has no timeout but the caller's and the one that its method's option sets. [Retry] means nothing in a stream's
// handler, and a panic is INTERNAL.
//
// # What survives
//
// An accepted command is in a stream from its PubAck on, and its answer is in another before the command leaves the first.
// What these survive is what their storage survives. The rows of a killed process, of a killed node of a cluster and of a
// full disk are tests in natsgrpc/faults; those of a power loss are NATS's own word on its sync_interval.
//
//	storage  replicas  sync_interval  NATS process killed   node lost for good      power loss of one node  of all nodes
//	memory   1         -              lost                  lost                    lost                    lost
//	memory   3         -              kept                  kept                    kept                    lost
//	file     1         2m, default    kept                  lost                    up to 2 minutes lost    up to 2 minutes lost
//	file     1         always         kept                  lost                    kept                    kept
//	file     3         2m, default    kept                  kept                    kept                    up to 2 minutes lost
//	file     3         always         kept                  kept                    kept                    kept
//
// With memory and 3 replicas, two servers that are lost at once lose everything; with files, two disks do. By default
// queries are in memory and commands in files, both with 1 replica. A query that is lost with its queue is published again
// by its caller, if that is still there.
//
// # The wire, version 1
//
// The rest of this comment is the specification that a client or a server in another language is written from. In
// subjects, <svc> is the full name of the service with each dot as "_"; <shard> is the number of a shard, "0" where the
// queue has one; <method> is the method's name; <id> names the call; <conn> names a client connection and <server> a
// server. These three are one subject token of at most 128 characters.
//
//	qry.<svc>.<shard>.<method>.<id>   request of a query
//	cmd.<svc>.<shard>.<method>.<id>   request of a command
//	rep.<svc>.<conn>.<n>              answer to a query, or frames of a stream to its client; <n> is the client's number
//	                                  for the call
//	str.<svc>.<server>.<n>            frames of a stream to its server; <n> is the server's number for the stream
//	rsp.<svc>.<id>.<conn>             answer to a command
//	part.<svc>.<token>.<i>            a part of a message that is too large for one
//	dead.<svc>.<method>.<id>          a command that was given up
//	seek.<svc>.<kind>.<shard>.<method>.<version>   a server asks for slots for requests that it does not know; <kind> is
//	                                  qry or cmd, <version> that of the requests' wire
//	hand.<svc>.<server>.<n>.<request>.<ack>   a request that is handed over: its subject, and the one of its acks; <n> is the
//	                                  number of the offer
//	cancel.<svc>                      the id of a query whose caller has left, to all servers of the service
//	alive.<svc>                       a probe; every server of the service replies to it with an empty message
//
// Versions. Names and values of this version are not given another meaning. What is added later is ignored by those who
// do not know it: headers, and fields in JSON. A request that must not be handled by who does not understand it says so
// with the header Natsgrpc-Version and a number above 1. A server that does not know the number hands the request over, as
// with a method that it does not know, so that in a rollout it reaches a newer server. A server answers in the version of
// the request. Natsgrpc-Stream is the version of a stream's frames in the same way.
//
// Streams. Each service has up to two queues, each of one or more shards: the work-queue streams QRY_<svc>_<shard> on
// "qry.<svc>.<shard>.>" and CMD_<svc>_<shard> on "cmd.<svc>.<shard>.>", DiscardNew, with one message per subject
// (DiscardNewPerSubject), with direct gets; QRY with message TTLs. A request is in the shard that is the 32-bit FNV-1a
// hash of its id modulo the number of shards. Each stream has one durable pull consumer, "workers": explicit acks,
// MaxDeliver -1, MaxAckPending -1, no BackOff, and the queue's ack wait.
//
// Three streams are for all services, all with direct gets, message TTLs and one message for each subject: RESPONSES on
// "rsp.>" is DiscardOld and keeps the answers to commands for an hour or 1 GiB; PARTS on "part.>" is DiscardNew and holds
// the parts of large messages, 8 days and 512 MiB at most; DEAD on "dead.>" is DiscardOld and keeps dead letters for a week
// or 256 MiB (without direct gets and TTLs). A fourth is that of the key-value bucket in which servers publish their
// descriptors: see package registry. [Queues], [Responses], [Parts], [Dead] and registry.Stream compute all of them from
// the options in natsgrpc/v1/delivery.proto. [Ensure] makes them; in production, where others do, [Verify] compares.
//
// Permissions. [ServerPermissions], [ConnPermissions] and [ProxyPermissions] are the least that a NATS user needs who
// serves, who calls, or who calls whatever is served.
//
// Request. The message's data is the encoded request message, its reply subject, if it has one, an inbox for the PubAck.
// Its headers:
//
//	Natsgrpc-Reply-To   where the answer goes: the rep or rsp subject of this call, and nothing else
//	Natsgrpc-Deadline   when the caller gives up, in nanoseconds since the Unix epoch; absent for never
//	Nats-Msg-Id         commands, and openings of streams: <id>; the same when a publish is repeated
//	Nats-TTL            queries: the time to the deadline in whole seconds, rounded up, plus one; garbage collection
//	Natsgrpc-Digest     with an idempotency key: the SHA-256 of the encoded message, in base64 without padding
//	Natsgrpc-Parts      where the body is, if it is not in this message; see Parts
//	Grpc-Encoding       the compression of the body, as gRPC names it, such as "gzip"; the answer is compressed alike. An
//	                    empty body is not compressed: it stays empty
//	Md-<key>            metadata, a header line for each value; <key> and value follow gRPC's rules. The values of keys
//	                    that end in "-bin" are in base64 without padding; in others "%" and the spaces at both ends are
//	                    percent-encoded. Keys that gRPC keeps to itself, such as "user-agent", are not sent
//
// The context of a trace travels as metadata: Md-traceparent and Md-tracestate, as W3C Trace Context has them.
//
// Malformed requests. A header that cannot be read (Natsgrpc-Deadline, Natsgrpc-Parts, Md-), a body that cannot be decoded or
// expanded, and one that is not that of its digest are answered INTERNAL; a Grpc-Encoding that the server does not have is
// UNIMPLEMENTED; more bytes than the server takes, before or after they are expanded, 4 MiB if nothing else is said, are
// RESOURCE_EXHAUSTED. A request without a valid Natsgrpc-Reply-To is executed and acked, and answered to nobody.
//
// Names of headers are case-sensitive. A time in Nats-TTL is a number of seconds followed by "s". A stream takes no message
// whose headers exceed 65,535 bytes: such a request is RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE, before it is sent. A
// message with a Status header is NATS's own word, and never a request, an answer or a frame.
//
// The client subscribes to "rep.*.<conn>.*" and "rsp.*.*.<conn>" before it publishes, and does not wait for the PubAck:
// the call ends with the first of its answer, an error in the PubAck, and its deadline. PubAck errors:
//
//	no responders                                            UNAVAILABLE, reason NO_QUEUE; publish again while a leader may be elected
//	10077 "maximum messages exceeded", "maximum bytes …"     RESOURCE_EXHAUSTED, reason QUEUE_FULL, with a RetryInfo
//	10077 "maximum messages per subject …", 10158            the queue has this call already: wait for its answer
//	another                                                  UNAVAILABLE, reason NO_QUEUE
//
// A call need not ask for a PubAck at once where it expects its answer sooner than a refusal would matter: this client does
// not where the last answer of the method, a second ago at most, took 10 ms or less, no backlog is known, and the call has
// no key. Without an answer for 30 ms it publishes the same message again, now with a reply subject, and from there on this
// is the first publish; of a command, only when a look at RESPONSES finds no answer. Nothing runs twice: the queue holds one
// message for each id, and a command that has left it is in its window of duplicates.
//
// After 1 s, 2 s, 4 s and so on without an answer, and when it is connected again after a loss, the client makes good
// what may be lost. A query it publishes again, since its queue may be lost with a server. For a command it looks up
// RESPONSES, since the answer may have come while the connection was lost; only when there is none, and without a PubAck,
// does it publish the same message again. Errors in the PubAcks of repeated publishes do not end the call. The window of
// duplicates of a queue is as long as its callers repeat: the longest timeout of its methods and 10 s, 2 minutes at most.
//
// Cancellation. A client whose caller leaves a query before its deadline publishes the query's id, as data, to cancel.<svc>.
// A server cancels the handler, whose answer it sends all the same, or remembers the id for 30 s, and acks without running it a
// query that comes with it. Commands are not cancelled.
//
// Probing. A call without an answer for 500 ms asks alive.<svc> for a reply, all calls of a service together once in
// 500 ms. With no responders they end with UNAVAILABLE, reason NO_WORKERS, unless the service has answered a call or a probe
// within 5 s, half of the default timeout: its servers may be reconnecting, or its only one restart. A service with the
// option scale_to_zero is not probed.
//
// Backlog. An answer's header Natsgrpc-Backlog, "<kind>.<svc>.<shard> <pending> <delivered>", says what the ack subject of
// its server's newest request from the queue said: how many requests waited there, and how many its consumer had delivered
// so far. A server sends it while there is a backlog, and once when there is none any more, at most once in 50 ms. A client
// takes the difference of two as the queue's rate, averaged with a weight of 0.3 for the newest; one that begins or ends
// with an empty queue, or in whose time the client had no call for a while, can only raise it. The wait that it expects is
// what was pending then and what it has sent since, by the rate, less the time since then; of an empty queue by twice the
// rate. A call whose expected wait exceeds half the time to its deadline is RESOURCE_EXHAUSTED, reason BACKLOG, and is not
// sent. What was told is believed for twice the time between the last two tellings, for 1 s at least and 10 s at most.
//
// Idempotency. The id of a command with a key is the base32, without padding, of the SHA-256 of principal, full method name
// ("/pkg.Service/Method") and key, each behind its length in 8 bytes, big-endian. An id is in the queue or in RESPONSES at
// every instant. The client
//
//   - looks up RESPONSES: the last message on "rsp.<svc>.<id>.*", by a direct get whose own subject ends with that. A
//     kept answer settles the call, unless its status is CANCELED, DEADLINE_EXCEEDED or UNAVAILABLE;
//   - publishes the request with Natsgrpc-Digest. Its Nats-Msg-Id is <id>, or, where such an unsettled answer is kept,
//     "<id>-a<sequence of that answer>": callers who have seen the same publish under one name, and so the stream
//     takes one of them;
//   - when the queue has the call already, or calls it a duplicate, subscribes to "rsp.<svc>.<id>.*" and looks, after
//     50 ms and then twice as long each time, up to 10 s, first whether the queue has the command and then for its
//     answer, in this order: what leaves the queue has an answer. One that came since, but DEADLINE_EXCEEDED, ends the
//     call;
//   - publishes again what it found twice in neither. Where the queue called the last name a duplicate, the new one
//     ends with "-q<sequence of that message>".
//
// An answer carries the digest of its request. Another one than the caller's own is INVALID_ARGUMENT, reason
// IDEMPOTENCY_KEY_REUSED. That a command is pending is told by a direct get of its subject from its queue; while it is, an
// unsettled answer that is kept is not its answer. Where nothing is found of it, it may be in another shard, since its caller
// knew another number of them: who asks for the answer to a command by its id looks there too.
//
// Starting. A client that does not wait for the answer waits for the PubAck. Without one for a second it looks first whether
// the queue has the command and then for its answer, and publishes again what it found twice in neither.
//
// Looking. A direct get that has no responders says nothing of what the stream holds: it may elect a leader. This client asks
// again every 100 ms, for 5 s at most, where the stream has answered it in the last 5 s.
//
// Parts. A body that does not fit the NATS server's max_payload is stored in PARTS before its message is published, in parts
// part.<svc>.<token>.0 and so on under a fresh token, at most 4096 of them, each with its PubAck. The message has no data,
// and the header Natsgrpc-Parts "<token> <count> <bytes>". The reader gets each part by a direct get of its subject. Whoever
// settles a request, and whoever has read the answer to a query, frees its parts: an empty message with a Nats-TTL of 1 s
// takes the place of each. A request that becomes a dead letter keeps them. The parts of answers have a TTL: as long as the
// answer is kept, an hour for a query's. A caller whose request was refused, or was a duplicate, and who drops a dead letter,
// frees its parts too. A part that is missing is UNAVAILABLE, reason PARTS_LOST; a full PARTS stream is RESOURCE_EXHAUSTED,
// reason QUEUE_FULL, for a request.
//
// Pulling. A server publishes {"batch": n, "expires": 5000000000} to the consumer's MSG.NEXT with a reply subject of
// its own, where n is the number of its free slots that it has not promised to an earlier pull. A slot is free from the
// return of one handler to the delivery of the next call. Each shard of a queue has its part of the slots, rounded up. A
// promise ends with a delivery, or with the status message that ends its pull: its header Nats-Pending-Messages says how many
// deliveries will not come. Without that header none will, and the server waits 250 ms before it pulls again; the status 100 is
// no end. A pull that was served in full ends without a word, and one whose end was lost is over 1 s after it expires.
//
// A delivery has the subject of its request, so a server cannot tell by which of its pulls it came: it counts them together.
// A status message has the reply subject of its pull. When the connection was lost all promises are over, but the NATS server
// may still have the pulls of a client that comes back soon: a server then pulls to a new inbox, and gives back, with -NAK,
// what still comes to the old one. It sends no pull, no answer and no ack while the connection is down, since a client library
// may keep what is published then and send it when the request is another worker's.
//
// Delivery. The ack subject, in either of the forms that NATS has (its ADR-15), tells the number of the delivery, which is the
// attempt, and when the request was stored. A delivery that reached nobody, because its worker left just then, counts too. A
// server, in this order,
//
//   - runs nothing when it is not the first attempt at a command and RESPONSES has an answer under the call's id whose
//     Nats-Time-Stamp is not before the request was stored: it acks the request, for the worker that answered was lost before
//     it could. While that cannot be looked up it may run the handler, as for any second delivery, but where it would refuse
//     the call or give it up it gives it back with a delay;
//   - answers DEADLINE_EXCEEDED when the deadline has passed;
//   - hands the call over when it does not know the method, or the version of the wire: see Handing over;
//   - runs nothing when the attempt is beyond the method's attempts: it writes the dead letter of a command, then answers
//     INTERNAL, reason ATTEMPTS_EXHAUSTED, and terminates the request (+TERM);
//   - runs the handler, with the deadline as its own.
//
// While it has the request it sends "+WPI" to the ack subject every 3/10 of the ack wait, with a reply subject. When the
// last +WPI that was replied to was sent 9/10 of an ack wait ago, the server cancels the handler and neither answers nor
// acks: by then the request may be another worker's, whose delivery a late ack would delete. The delivery counts as the first
// +WPI. A runtime in which a handler can keep the process from reading takes the time from before the message can have come,
// and looks at the clock once more before it answers.
//
// Handing over. A request of a method, or a version of the wire, that a server does not know takes no slot of it. A method is
// known on the queue of its kind, and as a stream or a unary method. The server keeps the request in hand, sends its "+WPI",
// and asks for slots: it publishes {"calls": n}, where n is the number of such requests, to
// "seek.<svc>.<kind>.<shard>.<method>.<version>" with a reply subject, one question at a time. <version> is the request's
// Natsgrpc-Version, "1" where it has none, and for the opening of a stream "-" and its Natsgrpc-Stream behind it; where this
// is no subject token the answer is UNIMPLEMENTED at once. Servers that know method and version subscribe to that, all of a
// service in the queue group "servers", and answer {"slots": s, "subject": "hand.<svc>.<server>.<n>"}: s slots, at most as many
// as were asked for, that they keep for a fifth of the queue's ack wait. The answer is {"slots": 0} when none is free, and to
// a question that cannot be read; who asks takes an offer whose subject is no "hand" subject of the service for that too, and
// an answer that cannot be read for none. Slots that are promised to a pull may be among them; a delivery that comes for such
// a slot then waits, with its "+WPI", until one is free.
//
// For each slot the first server publishes headers and data of a request, as they came, to the subject of the offer and,
// behind it, the request's subject and its ack subject. From then on the request is the other's, who treats it as one that it
// has pulled, but for the backlog: the number of the delivery stays. What was handed over and is lost on the way is delivered
// again after the ack wait. A server hands over only while the last "+WPI" that was replied to, or the delivery, is less than
// half an ack wait ago; the other counts its ack wait from half of it before its offer, sends "+WPI" at once, and drops what
// comes after the end of the offer, or with an ack subject that is none of the queue's consumer. Each request uses up a slot
// of its offer, one that is dropped too; what is left at its end is free again. A runtime in which a handler can keep the
// process from reading ends an offer when it has read what had come by then, and uses none that it reads more than a tenth of
// an ack wait after its question.
//
// Who was offered nothing asks again, after 5 ms and then twice as long each time, changed by up to a fifth: up to 50 ms while
// there is an answer, and up to 250 ms where nobody subscribes or none answers within 250 ms. It answers DEADLINE_EXCEEDED at
// the deadline, of a stream 10 s after the opening came at the latest, and UNIMPLEMENTED when no server has answered for half
// of the time that the call had left when it came, 30 s at most, and for a stream 5 s: since it came, or since the last answer
// that came later. A query whose caller leaves meanwhile is acked. A server that drains waits for slots like for
// its handlers, but gives back ("-NAK") what nobody answers for; that, like a server that is lost with a request in hand,
// makes another delivery, and so costs an attempt. It offers no slots any more, and takes what comes for those that it has
// offered.
//
// A server that does not hand over gives such a request back, with a delay as if its handler had failed, and answers
// UNIMPLEMENTED after some deliveries, 5 say. Each is an attempt, and none need reach a server that knows. Nor does it get what
// others cannot run. So it must not be used in rollouts: beside servers of its service that know other methods or versions.
//
// A handler that panics, or fails as its language has it for an error of the program, or returns [Retry] has not answered:
// the server sends "-NAK {"delay": <ns>}" with the method's back-off, doubled for each attempt up to 32 times, changed by up
// to a fifth. Any other result is the answer.
//
// Answer. Data is the encoded response message, empty for an error. Its headers:
//
//	Grpc-Status               the code, as a decimal number; absent for OK
//	Grpc-Message              the message, percent-encoded as UTF-8, the spaces at both ends too
//	Grpc-Status-Details-Bin   the google.rpc.Status, in base64 without padding, if it has details
//	Md-<key>, Tr-<key>        header and trailer metadata, as in requests
//	Grpc-Encoding, Natsgrpc-Parts, Natsgrpc-Digest, Natsgrpc-Backlog
//	Nats-TTL                  commands whose method says for how long their answers are kept: that, in whole seconds, plus one
//
// A query's answer is published to its rep subject, then the request is acked. A command's answer is published to its rsp
// subject with a reply subject for the PubAck of RESPONSES; the request is acked when that has come, or a moment later: a
// server may keep one request that is answered with OK in the queue until another is, so that a queue on file does not run
// empty, which costs the NATS server a file each time. This one does, for less than half a second, and not where the
// request takes more than a thousandth of the queue; it goes on to send "+WPI". Without the PubAck the answer, never the
// handler, is repeated every second. The client takes the first answer and ignores its reply subject. A server publishes to
// no Natsgrpc-Reply-To that is not the rep or rsp subject of its own service and call. An answer whose body is too large
// for one message travels in parts. One with headers beyond 65,535 bytes, or whose parts cannot be stored, loses its
// metadata and details; if it is no error, it becomes RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE, or UNAVAILABLE, reason
// PARTS_LOST.
//
// Dead letters. "dead.<svc>.<method>.<id>", in the stream DEAD, holds the data and the headers of a command that was given
// up, but Nats-Msg-Id and Natsgrpc-Deadline; Natsgrpc-Attempts, how often it was tried; and Natsgrpc-Subject, the request's
// subject. It is published with a reply
// subject for the PubAck, and again every second until that has come; only then comes the answer. A replay publishes the
// request under that subject and a new Nats-Msg-Id; its answer replaces the kept one.
//
// Opening a stream. A stream is a request like a unary one, on its method's queue, with these differences: it has the
// header Natsgrpc-Stream, with the value 1; Natsgrpc-Reply-To is a rep subject for commands too; it has no data, since
// the messages follow as frames; with Grpc-Encoding each message of both directions is compressed, and the server says so
// in the same header of its frame H, which then comes before its first message; Nats-TTL, for queries only here too, is
// made of the time to the deadline or 10 s, what is shorter. The client gives an opening up that is not claimed within 10
// s: UNAVAILABLE, reason STREAM_NOT_CLAIMED.
//
// A server treats an opening like a request up to the handler. What would be the answer then, such as UNIMPLEMENTED, is
// sent as a reset with that status, and the opening is acked. Otherwise the server claims the stream: it publishes a
// ping to the rep subject, with its str subject as the reply subject, and at once acks the opening with a reply subject.
// The handler runs when JetStream has replied to the ack and the first frame of the client has come; if either is
// missing for 9/10 of an ack wait, or the claim's "no responders" comes back, the server sends a reset and runs
// nothing. The client sends its frames to the first server that has claimed, beginning with a ping, and a reset to any
// other. So a lost opening is redelivered, and no opening runs two handlers, or one for a client that has left.
//
// Frames are core NATS messages, in their order from one connection to one subject. Numbers are big-endian, unsigned.
//
//	byte 0       kind, an ASCII letter
//	bytes 1-8    the number of the frame; in P and R the number of the last numbered frame before it, or 0 in R
//
//	H            header metadata, in Md- headers as in an answer; server only, at most once, before any message: always before
//	             the first one, and before E where there is metadata
//	M            a message: bytes 9-12 its length in bytes, then its first part, which may be all of it
//	C            the next part of the message, from byte 9 on; the message is whole when it has its length
//	E            the last frame: from the client its half-close; from the server, with the headers Grpc-Status,
//	             Grpc-Message, Grpc-Status-Details-Bin and Tr-<key> as in an answer, the end of the stream
//	P            a ping: bytes 9-16 the credit in total that the other end has; its reply subject is the sender's
//	R            a reset: the stream is over at once; from the server with a status as in E, or none for STREAM_BROKEN, and
//	             its str subject, if it has claimed the stream, as the reply subject
//
// H, M, C and E are numbered from 1 in each direction. A number that is not the one after the last, or a ping whose number
// is not the last, means that frames were lost: the stream is broken. So E counts the frames before it. Parts have at most
// 64 KiB, and less where the NATS server's max_payload is smaller.
//
// Credit. M and C cost the bytes of their part and 256; the other frames cost nothing. Each end begins with a credit of
// 262144 and sends M or C only while the sum of all their costs stays within it. A receiver raises the credit with a ping
// as its application takes messages, to 262144 more than the cost of what was taken in total, whenever that raises it
// by 65536 or more. A message that is larger than the credit passes, since its parts are taken as they come while the
// application waits for it. Credit never falls: a smaller one in a ping is an old one. More than the credit breaks the stream. A
// client spends its first credit before the claim, and keeps those frames until then.
//
// Life. From the claim on each end sends a ping every 1.5 s. An end that has heard no frame for 5 s breaks the stream. A
// client ends it with UNAVAILABLE, reason STREAM_BROKEN, after the messages that have come, and sends a reset; a server
// cancels the handler and sends E with that status. A reset cancels the handler too; a client sends one when its caller
// cancels, at the deadline, and when it refuses a message. A ping for a stream that its receiver does not know is answered
// with a reset to its reply subject, if that has the form of a str or rep subject of the same service; so a lost reset or E is
// made good. A client takes resets only from the server that it has, told by their reply subject, and before the claim
// from all.
//
// Draining. A server stops pulling, drains its subscriptions (JetStream gives what it cannot deliver to another pull at
// once), waits for its handlers, for what it hands over and for its offers to end, and leaves when every answer is acked. A call whose handler
// outlasts this is given back with -NAK, and not answered any more; a stream ends with UNAVAILABLE, reason STREAM_BROKEN.
// Until it leaves it replies to probes and hears cancellations.
//
// Reasons are those of google.rpc.ErrorInfo details with the domain "natsgrpc".
package natsgrpc
