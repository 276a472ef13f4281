package natsgrpc

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ackPrefix begins the subjects on which deliveries are acknowledged.
const ackPrefix = "$JS.ACK."

// delivery is what the ack subject of a delivered request tells.
type delivery struct {
	attempt   int       // counted from 1; 0 where the subject is malformed
	delivered uint64    // by the queue's consumer so far, to all workers
	stored    time.Time // when the queue got the request
	pending   int       // requests that wait in the queue
}

// parseDelivery reads an ack subject: "$JS.ACK.<stream>.<consumer>.<attempt>.<stream
// sequence>.<delivered>.<stored>.<pending>", or with "<domain>.<account hash>." after the prefix, and maybe a further
// token at the end.
func parseDelivery(subject string) delivery {
	rest, found := strings.CutPrefix(subject, ackPrefix)
	if !found {
		return delivery{}
	}
	skip := 2
	if n := strings.Count(rest, "."); n >= 8 {
		skip = 4
	}
	for range skip {
		_, rest, _ = strings.Cut(rest, ".")
	}
	var numbers [5]uint64
	for i := range numbers {
		var token string
		token, rest, _ = strings.Cut(rest, ".")
		n, err := strconv.ParseUint(token, 10, 64)
		if err != nil || i%4 == 0 && n > math.MaxInt32 { // attempt and pending are counts
			return delivery{}
		}
		numbers[i] = n
	}
	return delivery{attempt: int(numbers[0]), delivered: numbers[2], stored: time.Unix(0, int64(numbers[3])), pending: int(numbers[4])}
}
