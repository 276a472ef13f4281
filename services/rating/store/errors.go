package store

import (
	"errors"
	"strconv"
)

var (
	// ErrNotFound is in a [ResourceError] that names what does not exist.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyExists is in a [ResourceError] that names what exists.
	ErrAlreadyExists = errors.New("already exists")
	// ErrHasRatings is in a [ResourceError] that names the user or service that cannot be deleted.
	ErrHasRatings = errors.New("has ratings, and force is not set")
	// ErrStale is in a [ResourceError] that names the resource which has another etag (AIP-154).
	ErrStale = errors.New("the etag is not the current one")
	// ErrBusy says that the database did not let the call in for as long as the store waits for that. Nothing happened.
	ErrBusy = errors.New("the database is busy")
	// ErrUnavailable says that the database could not be reached for as long as the store waits for that. Nothing happened,
	// unless the commit was under way: a rerun of a request with an ID finds out, and acts if need be.
	ErrUnavailable = errors.New("the database is unavailable")
)

// A ResourceError says what is wrong with which resource.
type ResourceError struct {
	// Name is the resource's name, as in `users/{user}`.
	Name string
	// Err is one of the package's sentinel errors.
	Err error
}

// Error returns the name and the error.
func (e *ResourceError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the sentinel error.
func (e *ResourceError) Unwrap() error { return e.Err }

// A BatchError says which of several things is the first that is wrong.
type BatchError struct {
	// Index is its place, from 0.
	Index int
	// Err is what is wrong with it.
	Err error
}

// Error returns the index and the error.
func (e *BatchError) Error() string { return "[" + strconv.Itoa(e.Index) + "]: " + e.Err.Error() }

// Unwrap returns the error.
func (e *BatchError) Unwrap() error { return e.Err }
