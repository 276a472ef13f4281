package pull

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Disturbance is what happens to instances while calls are made.
type Disturbance string

// The disturbances. All begin when a third of the run is over.
const (
	// None leaves the instances alone.
	None Disturbance = ""
	// Killed ends one with SIGKILL; the others must do its work for the rest of the run.
	Killed Disturbance = "killed"
	// Restarted ends one with SIGKILL and starts another at once.
	Restarted Disturbance = "restarted"
	// Replaced has one drain and starts another, as a rollout does.
	Replaced Disturbance = "replaced"
	// Paused stops one with SIGSTOP, its connections open, and lets it go on after pauseTime.
	Paused Disturbance = "paused"
	// KilledEverySecond ends one with SIGKILL in each second from the beginning to the end, in turns, and starts another at once.
	// When in that second is up to chance: were it always a whole number of seconds after the one before, a call that is delivered again
	// an ack wait of 5 s after its instance was killed would come to the next just before its end, again and again.
	KilledEverySecond Disturbance = "killed every second"
)

// Disturbances are those that happen once.
var Disturbances = []Disturbance{Killed, Restarted, Replaced, Paused}

const (
	// pauseTime is longer than what most calls may take, and shorter than an ack wait.
	pauseTime = 3 * time.Second
	// killInterval is the time in which one instance is killed.
	killInterval = time.Second
)

// happen disturbs a pool during a run that begins now, and returns how many instances have ended. It returns before the run
// does, and leaves no instance paused.
func (d Disturbance) happen(ctx context.Context, p *pool, warmup, duration time.Duration, seed uint64) (ended int, err error) {
	if d == None {
		return 0, nil
	}
	if d == KilledEverySecond {
		return killEach(ctx, p, warmup, duration, seed)
	}
	if err := sleep(ctx, warmup+duration/3); err != nil {
		return 0, err
	}
	const victim = 0
	switch d {
	case Killed:
		return 1, p.kill(victim)
	case Restarted:
		if err := p.kill(victim); err != nil {
			return 0, err
		}
		return 1, p.replace(ctx, victim)
	case Replaced:
		if err := p.stop(victim); err != nil {
			return 0, err
		}
		return 1, p.replace(ctx, victim)
	case Paused:
		if err := p.pause(victim); err != nil {
			return 0, err
		}
		err := sleep(ctx, min(pauseTime, duration/3))
		if resumed := p.resume(victim); err == nil {
			err = resumed
		}
		return 0, err
	default:
		return 0, fmt.Errorf("there is no disturbance %q", d)
	}
}

func killEach(ctx context.Context, p *pool, warmup, duration time.Duration, seed uint64) (ended int, err error) {
	const stream = 2 // those of the calls and of their work are others
	chance := rand.New(rand.NewPCG(seed, stream))
	start := time.Now().Add(warmup)
	for at := time.Duration(0); at+killInterval <= duration; at += killInterval {
		when := start.Add(at + time.Duration(chance.Float64()*float64(killInterval)))
		if err := sleep(ctx, time.Until(when)); err != nil {
			return ended, err
		}
		victim := ended % len(p.slowdowns)
		if err := p.kill(victim); err != nil {
			return ended, err
		}
		ended++
		if err := p.replace(ctx, victim); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
