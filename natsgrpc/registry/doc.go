// Package registry is a descriptor registry in a NATS key-value bucket. Services publish the descriptors of their API there
// when they start ([Publisher]), and a proxy makes its routes of what it watches ([Watcher]): it needs to be told nothing
// else of a new service, or of a new version of one.
//
// # The bucket
//
// The rest of this comment is what a publisher or a reader in another language is written from. The bucket is DESCRIPTORS,
// so its stream is KV_DESCRIPTORS, as [Stream] has it: one value for each key, on disk, with message TTLs and markers where
// values expire. natsgrpc.Ensure makes it with the other streams; where others do, natsgrpc.Verify compares. It takes NATS
// 2.11 or newer.
//
// In keys, <svc> is the full name of a service with each dot as "_", as in the subjects of package natsgrpc, and <version>
// and <id> are one token of letters, digits, "-" and "_", 64 at most.
//
//	<svc>.version.<version>         the descriptors of a version
//	<svc>.instance.<version>.<id>   the lease of an instance that serves the version
//	<svc>.latest                    the <version> of the instance that started last
//
// Descriptors. The value is a binary google.protobuf.FileDescriptorSet, which may be compressed with gzip, with the file of
// the service and all that it imports, in any order. Files that are missing are taken from those that the reader was built
// with. source_code_info makes the comments of API documents. The service is the one whose name is <svc>; others in the
// same file have keys of their own. The value has at most 960 KiB ([MaxValue]), which fits into NATS's default max_payload
// of 1 MiB, and 8 MiB when it is decompressed ([MaxSet]). What is larger is refused by the Publisher, by the stream or by
// the reader; there are no parts: those of the rating API take 18 KiB, with comments and all that it imports.
//
// Versions. <version> is any name for these descriptors and no others. A Publisher takes the first 16 bytes of the SHA-256 of
// the uncompressed set, in hexadecimal digits. The key is created if it is not there, and else left alone: its revision
// tells since when there is the version, by which conflicts between services are settled. To create is to put with
// Nats-Expected-Last-Subject-Sequence set to 0, or to the sequence of the marker that a removed key has left.
//
// Leases. An instance puts its lease with a Nats-TTL of 15 s ([Lease]), and again every 5 s, with
// Nats-Expected-Last-Subject-Sequence set to the revision that it knows. When that is refused, the lease or the whole
// bucket was lost, and the instance publishes everything again. The value is a JSON object for people: name, host, pid and
// started. An instance that stops removes its lease at once; the lease of one that is killed expires.
//
// Starting. An instance puts its lease, creates its version, and puts <svc>.latest, in this order. Then it removes the
// versions of its service that have no lease and are not its own. It finds them by STREAM.INFO with subjects_filter, and direct
// gets where it must know whether a key has a value: a marker has the header KV-Operation, or Nats-Marker-Reason where a lease
// has expired. Its NATS user may do no more than that: it makes no consumer. Removing is a purge (KV-Operation: PURGE, Nats-Rollup: sub) with
// a Nats-TTL of 10 minutes, so that the marker goes too.
//
// # What is served
//
// A version lives while it has a lease. Of a service whose versions live side by side, as in a rolling update, each method
// is that of <svc>.latest, or if that lacks it of the newest version that has it: an instance hands calls of a method that it
// does not know over to one that does, as package natsgrpc has it. A rollback is the same with the names exchanged. When no version lives the latest one goes on to be served: its calls wait in the queue, or are answered
// NO_WORKERS. It is removed for good by purging all keys of the service ([Remove]).
//
// # Failures
//
// While NATS is away a Watcher keeps what it knew. When it is back the Watcher reads everything anew, and gives instances
// whose lease has expired meanwhile the time of another lease to come back. A NATS server that was killed may come back with
// leases that it had removed already, and keeps them: a reader takes an instance for gone that has not renewed its lease for
// the time of two. What cannot be decoded, or built into descriptors, is the error of its version, and takes nothing else with
// it.
package registry
