// Package sqlite keeps the rating service's data in one SQLite file: for development, for tests, and for installations of
// one machine. It needs nothing installed and nothing configured.
//
// # Concurrency
//
// The file has a write-ahead log, so that readers and the writer do not wait for each other. There is one writer at a time:
// those of one process write in the order of their calls; processes, of which any number may open the file, try until they
// are let in. The file must be on a local disk: SQLite's locks do not work over network file systems.
//
// # Durability
//
// What is left of commands that have been answered, depending on [Synchronous]:
//
//	                                    Full            Normal
//	process killed, panic               all             all
//	operating system crash, power loss  all             all but those of the last seconds
//
// In no case is a command left half done, or the file damaged. Both hold as far as the disk keeps what it says it has
// written. What is lost with Normal was acknowledged, and so is in no queue any more: it stays lost.
package sqlite
