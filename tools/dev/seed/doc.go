// Package seed fills a running system with plausible data through its public REST API: users, services of some kinds,
// and ratings whose scores are distributed differently for each service.
//
// The same plan makes the same requests, each with an Idempotency-Key that is made of the request. So a run that is begun
// again goes on where it has ended, and one that is repeated adds nothing. That holds for as long as the rating service
// remembers a request, which is 10 days (see package once), and for one caller: keys are those of a principal, or of an
// address where callers have none. After that time users and services are created once more, with ratings of their own.
//
// A larger plan of the same seed has the users and services of a smaller one, and adds what is beyond. Ratings of users
// that have rated a service before are left out.
package seed
