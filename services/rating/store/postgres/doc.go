// Package postgres keeps the rating service's data in PostgreSQL: for installations with several instances of the service,
// which share one database. docs/database.md tells how to run it: roles, pools, poolers, backups.
//
// # Concurrency
//
// Transactions are at PostgreSQL's default isolation level, read committed, and lock what they depend on, in one order:
//
//  1. the request's row in requests: two runs of one request are one after the other;
//  2. the row of the user, then that of the service: shared (FOR KEY SHARE) by those who rate, and taken (FOR UPDATE) by
//     who deletes it, so that no rating is left without its user or its service;
//  3. rows of ratings, several of them in the order of their ids;
//  4. rows of score_counts, several of them in the order of their services' ids.
//
// A transaction that creates the user of an owner waits for another that does so for the same owner, and takes nothing after it.
//
// Since everybody takes them in this order nobody waits in a circle. Should a transaction do so all the same, one that calls
// several methods of [store.Tx] in another order, then PostgreSQL ends one of the two, and [Store.Do] runs it again.
//
// The ratings of one service are counted in one row, so their transactions end one after the other: one service takes about
// as many new ratings in a second as the server's disk takes commits that do not share a flush. Different services do not wait
// for each other.
//
// # Order
//
// A resource's name is chosen by the clock of the instance that creates it, before its transaction ends. A list is in the order
// of names; one that is walked page by page while others create can miss what was being created at the end of a page.
//
// # Waiting
//
// What a call waits for, each for as long as [WithBusyTimeout] says:
//
//	a free connection           then store.ErrBusy
//	a lock                      then store.ErrBusy (lock_timeout)
//	a database that is away     then store.ErrUnavailable: it restarts, it fails over, it cannot be reached
//
// The last is counted from the moment at which the database went away: a restart of a few seconds fails no call, and who comes
// after a longer time is told at once, so that the queue of calls behind him does not run into its deadlines.
//
// A call is tried again when the connection was lost, a command too: nothing of it was committed, or, where that was lost
// together with the answer to COMMIT, the record of its request tells. Only a command without a request ID is not tried
// again after such a COMMIT.
//
// A statement ends after 30 seconds (statement_timeout), and the transaction of a process that stopped in the middle after 10
// (idle_in_transaction_session_timeout). A parameter of the same name in the URL is used instead.
//
// # Durability
//
// A command that was answered is as durable as PostgreSQL's synchronous_commit, which is on unless the server or the URL says
// otherwise: what was answered survives the kill of every process, a crash of the machine, and a power loss.
package postgres
