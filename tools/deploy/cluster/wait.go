package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// diagnosisTimeout is the longest that finding out what is wrong may take.
const diagnosisTimeout = time.Minute

// The kinds that are waited for.
var (
	isRolledOut = manifest.Is("apps", "Deployment", "StatefulSet", "DaemonSet")
	isDatabase  = manifest.Is("postgresql.cnpg.io", "Cluster")
	isStream    = manifest.Is("jetstream.nats.io", "Stream", "Consumer", "KeyValue")
)

// A NotReadyError is that an object is not ready. What is wrong with it has been told, and what is with the others that
// were still waited for.
type NotReadyError struct {
	Object *resource.Resource
	// Err is why waiting ended.
	Err error
}

// Error names the object.
func (e *NotReadyError) Error() string {
	return fmt.Sprintf("%s is not ready: %v", manifest.Name(e.Object), e.Err)
}

// Unwrap returns why waiting ended.
func (e *NotReadyError) Unwrap() error { return e.Err }

// errJobFailed is that a Job will not complete any more.
var errJobFailed = errors.New("the Job failed")

// wait waits until all objects are ready, at once, for timeout at most. When the first fails it tells what is wrong with
// all that are not ready.
func (c *Cluster) wait(ctx context.Context, objects manifest.Objects, timeout time.Duration) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	ends := make([]error, len(objects))
	var once sync.Once
	var first *NotReadyError
	for i, object := range objects {
		group.Go(func() {
			if ends[i] = c.waitFor(waiting, object, timeout); ends[i] != nil {
				once.Do(func() { first = &NotReadyError{Object: object, Err: ends[i]} })
				stop()
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if first == nil {
		return nil
	}
	diagnosing, cancel := context.WithTimeout(ctx, diagnosisTimeout)
	defer cancel()
	c.printf("\n%s is not ready", manifest.Name(first.Object))
	c.diagnose(diagnosing, first.Object)
	for i, object := range objects {
		if ends[i] != nil && object != first.Object {
			c.printf("\n%s was still waited for", manifest.Name(object))
			c.diagnose(diagnosing, object)
		}
	}
	return first
}

// waitFor waits until an object is ready. One of a kind that is not waited for is ready.
func (c *Cluster) waitFor(ctx context.Context, object *resource.Resource, timeout time.Duration) error {
	switch {
	case isRolledOut(object):
		return c.waitBy(ctx, object, timeout, "rollout", "status", target(object))
	case isJob(object):
		return c.waitForJob(ctx, object, timeout)
	case isDatabase(object), isStream(object):
		return c.waitForCondition(ctx, object, timeout, "Ready")
	case isCRD(object):
		return c.waitForCondition(ctx, object, timeout, "Established")
	}
	return nil
}

func (c *Cluster) waitForCondition(ctx context.Context, object *resource.Resource, timeout time.Duration, condition string) error {
	return c.waitBy(ctx, object, timeout, "wait", target(object), "--for=condition="+condition)
}

// waitForJob waits until a Job has either of the conditions that end it.
func (c *Cluster) waitForJob(ctx context.Context, object *resource.Resource, timeout time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan bool, 1)
	go func() {
		_, err := c.kubectl.Run(ctx, kubectl.Command{Args: append(in(object), "wait", target(object), "--for=condition=Failed", "--timeout="+timeout.String())})
		if err == nil {
			stop()
		}
		failed <- err == nil
	}()
	err := c.waitForCondition(ctx, object, timeout, "Complete")
	stop()
	if <-failed && err != nil {
		return errJobFailed
	}
	return err
}

// waitBy has kubectl wait, and tells what it says.
func (c *Cluster) waitBy(ctx context.Context, object *resource.Resource, timeout time.Duration, args ...string) error {
	args = append(append(in(object), args...), "--timeout="+timeout.String())
	_, err := c.kubectl.Run(ctx, kubectl.Command{Args: args, Stdout: c.out, Timeout: timeout + readTimeout})
	return err
}
