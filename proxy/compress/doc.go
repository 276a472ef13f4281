// Package compress compresses the answers of an http.Handler for clients that ask for it (RFC 9110, section 12.5.3): with
// zstd (RFC 8878) or gzip, whichever has the higher weight in Accept-Encoding, and zstd where both have the same.
//
//	handler := compress.Handler(api)
//
// # What is compressed
//
// Whole answers: those with a Content-Length of at least [MinSize], in a type that is text, such as JSON, HTML and SVG. Not an
// answer that has a Content-Encoding already, is a part (206), or says no-transform; nor one that would not get smaller.
// Where the client refuses to take an answer as it is (`identity;q=0`), the size does not matter.
//
// Answers without a Content-Length are streams, and those go out as they are. What an encoder needs to keep between two
// messages is half a megabyte (zstd) to 0.8 (gzip at its fastest), for as long as the stream lasts, where the proxy holds
// some kilobytes for one; twenty ratings as NDJSON, flushed one by one, become 2.4 times smaller for that. A whole answer
// holds an encoder only while it is encoded, so that the memory for encoders grows with the cores, not with the clients.
//
// # Caches
//
// Every answer has Vary: Accept-Encoding, also one that is not compressed. A strong ETag becomes weak where an answer is
// compressed, since the bytes are others than those that it was made for. If-None-Match works as before, for it compares
// weakly. Ranges are of what is not compressed, and If-Range, which compares strongly, then brings the whole. The answer
// to a HEAD has no Content-Length where that of a GET may be compressed. A document that does not change is better
// encoded once: see [NewDocument].
//
// # Secrets
//
// BREACH guesses a secret in an answer by its size, where the attacker puts guesses into the same answer. It takes a
// browser that makes requests for another site with the user's credentials. The API takes bearer tokens, which no browser
// adds by itself. As a second line, what a browser asks for another site (Sec-Fetch-Site) with cookies is not compressed.
//
// # Levels
//
// A list of 100 ratings, 35,249 bytes of JSON, on one core (BenchmarkLevels; the standard library's gzip for comparison):
//
//	gzip 1          53 µs   10,123 bytes
//	gzip 6          89 µs    9,408 bytes
//	standard 1      93 µs   10,492 bytes
//	standard 6     349 µs    9,195 bytes
//	zstd fastest    54 µs    9,129 bytes
//	zstd default    80 µs    8,997 bytes
//
// So the fastest levels are used: gzip 6 costs two thirds more and saves 7 %, zstd's default half again and 1.4 %. A
// client that does not ask costs a look at one header.
//
// github.com/klauspost/compress has both formats, and nats.go links it in already. Its own middleware, gzhttp, is not used:
// it does not know `*`, reads one Accept-Encoding line only, compresses streams, changes ETags in a way that
// If-None-Match does not understand, and ends an answer properly whose handler has panicked.
package compress
