package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Policy is how a call comes to an instance.
type Policy string

// The policies; see the package's comment.
const (
	Pull         Policy = "pull"
	RoundRobin   Policy = "round-robin"
	LeastRequest Policy = "least-request"
	TwoChoices   Policy = "two-choices"
	Random       Policy = "random"
)

// Policies are all policies.
var Policies = []Policy{Pull, RoundRobin, LeastRequest, TwoChoices, Random}

// Calibration is what the parts of a system cost. The zero value is a system whose transport costs nothing.
type Calibration struct {
	// Hop is the time of one message from a client of NATS to its server or back. A call is four: to the stream, to the worker,
	// and the answer through the server.
	Hop Duration `json:"hop"`
	// PushTrip is the time of a call without JetStream to an instance and back.
	PushTrip Duration `json:"push_trip"`
	// StreamTime is what a stream takes for a call, one after another: the inverse of the most that it can do.
	StreamTime Duration `json:"stream_time"`
	// AckWait is when a stream gives a killed worker's calls to others, after its last sign of life.
	AckWait Duration `json:"ack_wait"`
	// MaxWaiting is how many pulls wait at a stream, 0 for any number.
	MaxWaiting int `json:"max_waiting"`
	// PullRetry is when a worker asks again whose pull was refused.
	PullRetry Duration `json:"pull_retry"`
}

// DefaultCalibration is that of docs/scaling.md, which says where each figure is from.
func DefaultCalibration() Calibration {
	return Calibration{
		Hop:        Duration(17 * time.Microsecond),
		PushTrip:   Duration(34 * time.Microsecond),
		StreamTime: Duration(27 * time.Microsecond),
		AckWait:    Duration(5 * time.Second),
		MaxWaiting: 4096,
		PullRetry:  Duration(250 * time.Millisecond),
	}
}

// ReadCalibration reads a calibration in JSON, with durations as time.ParseDuration has them. What the file does not name is
// as in [DefaultCalibration].
func ReadCalibration(name string) (Calibration, error) {
	c := DefaultCalibration()
	data, err := os.ReadFile(name)
	if err != nil {
		return c, fmt.Errorf("read calibration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, fmt.Errorf("calibration %s: %w", name, err)
	}
	return c, c.validate()
}

func (c Calibration) validate() error {
	for name, d := range map[string]Duration{
		"hop": c.Hop, "push_trip": c.PushTrip, "stream_time": c.StreamTime, "ack_wait": c.AckWait, "pull_retry": c.PullRetry,
	} {
		if d < 0 {
			return fmt.Errorf("calibration: %s is %v; want 0 or more", name, time.Duration(d))
		}
	}
	if c.MaxWaiting < 0 {
		return fmt.Errorf("calibration: max_waiting is %d; want 0 or more", c.MaxWaiting)
	}
	if c.MaxWaiting > 0 && c.PullRetry == 0 {
		return errors.New("calibration: pull_retry is 0; want more where max_waiting is set")
	}
	return nil
}

// Duration is a time.Duration that is text in JSON: "27µs".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Kill is the loss of an instance.
type Kill struct {
	At       time.Duration // since the first arrival could come
	Instance int
	Restart  time.Duration // how long it is gone, 0 for ever
}

// Config is one simulated system and its load.
type Config struct {
	Policy      Policy
	Instances   int // 1 or more
	Slots       int // of each instance, 1 or more
	Service     Service
	Rate        float64 // arrivals a second
	Calls       int     // all arrivals
	Warmup      int     // of them, the first ones, which are in no figure but the counts of calls
	Seed        uint64
	Calibration Calibration

	Slow       int     // instances that are slow, the first ones
	SlowFactor float64 // how many times as long they take, 1 or more
	Callers    int     // that balance, each by what it knows itself; 0 is 1

	// Streams is over how many streams the queue is split, 0 is 1. A call goes to one by chance, as by the hash of its id.
	Streams int
	// Cells tells how instances and streams belong together: each instance pulls from one of the streams, with all its slots.
	// Otherwise each pulls from all, with its slots divided among them and rounded up, as the shards of package natsgrpc have it.
	Cells bool

	MaxPending int           // calls that wait at one stream, 0 for any number; one more is refused
	Deadline   time.Duration // of a call, since its arrival, 0 for none
	Kills      []Kill
}

// Capacity is how many calls a second the slots can run, transport and queues aside.
func (c *Config) Capacity() float64 {
	slow := float64(c.Slow)
	speed := float64(c.Instances) - slow
	if c.Slow > 0 {
		speed += slow / c.SlowFactor
	}
	return speed * float64(c.Slots) / c.Service.Mean.Seconds()
}

func (c *Config) validate() error {
	switch {
	case !slices.Contains(Policies, c.Policy):
		return fmt.Errorf("policy %q; want one of %q", c.Policy, Policies)
	case c.Instances < 1 || c.Instances > 1<<20:
		return fmt.Errorf("%d instances; want 1 to %d", c.Instances, 1<<20)
	case c.Slots < 1 || c.Slots > 1<<15:
		return fmt.Errorf("%d slots; want 1 to %d", c.Slots, 1<<15)
	case c.Calls < 1 || c.Calls > 1<<30:
		return fmt.Errorf("%d calls; want 1 to %d", c.Calls, 1<<30)
	case c.Warmup < 0 || c.Warmup >= c.Calls:
		return fmt.Errorf("warm-up of %d calls; want 0 to %d", c.Warmup, c.Calls-1)
	case !(c.Rate > 0):
		return fmt.Errorf("rate %v; want more than 0", c.Rate)
	case c.Slow < 0 || c.Slow > c.Instances:
		return fmt.Errorf("%d slow instances; want 0 to %d", c.Slow, c.Instances)
	case c.Slow > 0 && !(c.SlowFactor >= 1):
		return fmt.Errorf("slow factor %v; want 1 or more", c.SlowFactor)
	case c.Callers < 0:
		return fmt.Errorf("%d callers; want 0 or more", c.Callers)
	case c.Streams < 0 || c.Cells && c.Streams > c.Instances:
		return fmt.Errorf("%d streams for %d instances; want 0 or more, and each cell an instance", c.Streams, c.Instances)
	case c.MaxPending < 0:
		return fmt.Errorf("at most %d pending; want 0 or more", c.MaxPending)
	case c.Deadline < 0:
		return fmt.Errorf("deadline %v; want 0 or more", c.Deadline)
	}
	for _, kill := range c.Kills {
		if kill.Instance < 0 || kill.Instance >= c.Instances || kill.At < 0 || kill.Restart < 0 {
			return fmt.Errorf("kill of instance %d at %v for %v; want one of %d, and no negative time", kill.Instance, kill.At, kill.Restart, c.Instances)
		}
		if c.Policy == Pull && c.Calibration.AckWait == 0 {
			return errors.New("calibration: ack_wait is 0; want more where instances are killed")
		}
	}
	if err := c.Service.validate(); err != nil {
		return err
	}
	return c.Calibration.validate()
}
