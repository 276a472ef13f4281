// Package kubernetes is the developer's commands for Kubernetes: a cluster on this machine by k3d, what it needs once, the parts of
// the system in it, and the way to them.
//
// Each command is a list of steps. A step says what it is for and prints the command line of each program before it runs it,
// as a person would type it at the top of the checkout. Every command can be run again: it does what is missing, and
// programs that bring things up to date do so again. With [Session.DryRun] the command lines are all that happens.
//
// Programs that only look (docker info, k3d cluster list) are not printed; nor are they run in a dry run, which therefore shows
// what would be done where there is nothing yet.
//
// NATS is not among what a cluster needs once. Its configuration and its users follow from the services, so it is
// deployed with them, from k8s/base/nats.
package kubernetes
