// Package nack renders streams and consumers as resources of NACK, NATS's controller for Kubernetes
// (jetstream.nats.io/v1beta2), so that in a cluster somebody else makes what package natsgrpc only verifies there.
//
// A resource says everything that its configuration says, zero values too: NACK and its custom resource definitions have
// defaults of their own, which are not JetStream's (a stream's age is a year, an ack wait is a nanosecond). A setting that
// this package does not carry is an error.
//
// # What NACK does with them
//
// This is what NACK does in its control loop (flag -control-loop), as its source has it at f6dad09, after 0.22.4. It makes
// what is missing, applies changes of the resource in place, and within a minute brings back what somebody else has changed.
// What JetStream refuses stays as it is, with the reason in the resource's condition Ready. What fails is tried again after
// 5 ms, and then after twice as long each time, up to 1000 s; a restart of the controller forgets that. It never turns a flag
// of a stream off, nor takes away a number of messages per subject: that takes somebody with the right to update streams.
//
// Where to connect, and as whom, is an [Account] in the same namespace, so the controller itself needs no credentials. It
// cannot choose the prefix of its inboxes, which is _INBOX.
//
// Deleting a resource would delete the stream with all that is in it. So each resource has preventDelete: NACK then lets go of
// the stream and leaves it as it is, and the same resource applied again takes it up. Its NATS user needs no right to delete.
package nack
