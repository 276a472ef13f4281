// Package store is what the rating service needs of a database: [Store], the conventions that every implementation
// keeps, and the parts of them that need no database.
//
// # Values
//
// Resources are the API's messages. A store chooses the outputs: names (creation-ordered UUIDs, see [NewID]), create and
// update times in whole microseconds of the machine's clock, etags, and the aggregates of services. Inputs are taken as
// they are: the caller has checked them against the API's constraints. A returned message belongs to the caller.
//
// # Owners
//
// A user and a service may have an owner, which a store keeps and tells, and which it never writes into a resource. It is a
// text of up to [MaxOwner] bytes that means nothing to the store but whether two are equal. Who may do what with whose
// resources is the caller's to check, by [Tx.Owner] in the transaction of the change.
//
// # Order and pages
//
// Lists are in the order of names, which is the order of creation, and continue after a name ([UserQuery.After]),
// whether or not that resource still exists. A list is one snapshot; from page to page, resources created meanwhile
// appear on later pages, and none that was there when the walk began is skipped or repeated.
//
// # Commands
//
// Everything that changes data goes through [Store.Do], in one transaction with the record of the request that asked for
// it. A rerun of the same request returns the recorded answer and changes nothing. Only answers of committed effects are
// recorded: an error had no effect, so that a rerun computes it again, and succeeds when the reason is gone by then.
//
// # Errors
//
// The package's sentinel errors, and [once.ErrReused], speak to the API's client: their text, and that of the [ResourceError]
// around them, may be shown. When a context ends, the error wraps the context's. Every other error is the database's.
package store
