package pull

import (
	"encoding/binary"
	"fmt"
	"time"
)

// job is what a request carries.
type job struct {
	// number is unique in an experiment.
	number uint64
	// work is how long an instance sleeps that is not slow.
	work time.Duration
}

// jobSize is the number of bytes of an encoded job: two big-endian numbers, the second of nanoseconds.
const jobSize = 16

func (j job) encode() []byte {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, jobSize), j.number)
	return binary.BigEndian.AppendUint64(data, uint64(j.work))
}

func parseJob(data []byte) (job, error) {
	if len(data) != jobSize {
		return job{}, fmt.Errorf("a job of %d bytes: want %d", len(data), jobSize)
	}
	j := job{number: binary.BigEndian.Uint64(data), work: time.Duration(binary.BigEndian.Uint64(data[8:]))}
	if j.work < 0 {
		return job{}, fmt.Errorf("a job of %v: want at least 0", j.work)
	}
	return j, nil
}
