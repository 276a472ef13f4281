// Package ratingv1 is the contract of the rating application: users, the services that they rate, and their ratings.
package ratingv1
