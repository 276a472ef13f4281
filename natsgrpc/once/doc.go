// Package once lets a service act once on a request that comes more than once.
//
// A queue delivers at least once: a worker that is lost between its commit and its answer leaves a request that another
// worker runs again. Only the database that has the effect can tell. So the request's id, the hash of its body and its
// encoded answer are stored there, in the transaction of the effect; a rerun changes nothing and returns the stored bytes.
//
//	const requests once.Table = "requests" // made by requests.Schema(once.SQLite), as a migration
//
//	answer, err := requests.Do(ctx, db, once.Request{ID: id, Digest: sha256.Sum256(body)},
//		func(ctx context.Context, tx *sql.Tx) ([]byte, error) { … })
//
// [Handle] does this for a handler of protobuf messages, [Table.DoTx] in a transaction that the caller has begun, [Table.DoIn]
// in one of a driver that database/sql does not know, such as pgx. The id
// of a call that natsgrpc has delivered is natsgrpc.RequestID; this package knows no transport.
//
// # One transaction
//
// The transaction inserts the id, which is a unique key, then acts, then writes the answer beside the id. A check that
// reads first and writes later would let two runs pass at the same time. The insert lets one pass; the other waits for the
// end of its transaction, then returns its answer if that was committed, and acts if not. The database sees to it, so
// it holds for two processes as for two goroutines.
//
// Only answers of committed effects are recorded. An error has no effect, so a rerun computes it again, and succeeds when
// its reason is gone by then. What a handler does elsewhere, such as a mail or a call of another service, is not undone and
// not remembered: pass the id on to it.
//
// # Retention
//
// [Table.Sweep] deletes old rows. A row must outlive every way in which its request can come again, counted from the
// effect: it may be in the queue for the queue's max_age, then a dead letter for a week, then, replayed, in the queue
// for max_age again. With the default max_age of a day that is 9 days; [DefaultRetention] adds one for clocks that differ
// and sweeps that run late. A service with a longer max_age keeps rows for twice the difference longer. Kept answers live
// for an hour only, so a caller who comes back with the same id later has these rows alone. After the retention the same
// id acts again.
//
// # Databases
//
// SQLite, with any driver. Connections want a busy timeout: a run that cannot wait for another's transaction fails with
// the driver's error, and has had no effect. A transaction of the caller's that reads before [Table.DoTx] begins with BEGIN
// IMMEDIATE, since SQLite does not let one write that has read before another's commit.
//
// PostgreSQL, at its default isolation level. At repeatable read and above, one of two concurrent runs fails with a
// serialization error, has had no effect, and may be run again.
package once
