package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Forward says how the gateway is reached from this machine.
type Forward struct {
	// Port is the one on this machine.
	Port uint16
	// Settled is how long a connection must last to have worked; Pause how long to wait before the next; Patience how long to go on
	// without one that works. kubectl's connection is to one pod, and ends with it.
	Settled, Pause, Patience time.Duration
}

// Forward connects a port of this machine, on the loopback interface only, with the gateway, until ctx ends, which is no error. When
// the gateway's pod goes it connects to the next one.
//
// Errors: kubectl is missing; something listens on the port; the cluster does not answer; there is no gateway, or it does not become
// ready; no connection worked for Patience.
func (s *Session) Forward(ctx context.Context, forward Forward) error {
	wait := step{
		what:     "Wait for the gateway",
		commands: []command{s.kubectl("--namespace", Name, "rollout", "status", "deployment/gateway", "--timeout", waitTimeout)},
	}
	connect := s.kubectl("--namespace", Name, "port-forward", "service/gateway", strconv.Itoa(int(forward.Port))+":80", "--address", "127.0.0.1")
	connect.timeout = math.MaxInt64 // until ctx ends
	if s.DryRun {
		return s.do(ctx, []step{wait, {what: "Connect with it", commands: []command{connect}}})
	}
	if err := s.require("kubectl"); err != nil {
		return err
	}
	if err := checkPort(ctx, "127.0.0.1:"+strconv.Itoa(int(forward.Port))); err != nil {
		return fmt.Errorf("the gateway cannot have its port: %w; or take another: --port PORT", err)
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	if err := s.findGateway(ctx); err != nil {
		return err
	}
	err := s.do(ctx, []step{wait},
		fmt.Sprintf("Open http://localhost:%d/ui, or: curl http://localhost:%[1]d/api/users", forward.Port), "Ctrl-C ends it.")
	if err != nil {
		return err
	}
	return s.keepConnected(ctx, connect, forward)
}

// findGateway returns an error where kgateway has not made the gateway's Service.
func (s *Session) findGateway(ctx context.Context) error {
	get := s.kubectl("--namespace", Name, "get", "service", "gateway", "--ignore-not-found", "--output", "name")
	found, err := s.look(ctx, get.env, get.args...)
	if err != nil {
		return fmt.Errorf("look for the gateway: %w", err)
	}
	if found == "" {
		return errors.New("there is no gateway in the cluster yet: make it with " + s.command("deploy-gateway"))
	}
	return nil
}

func (s *Session) keepConnected(ctx context.Context, connect command, forward Forward) error {
	for last := time.Now(); ; {
		start := time.Now()
		err := s.run(ctx, connect)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(start) >= forward.Settled {
			last = time.Now()
		}
		if err == nil {
			err = errors.New("kubectl port-forward ended")
		}
		if time.Since(last) >= forward.Patience {
			return err
		}
		s.printf("The connection ended. The next one:")
		select {
		case <-time.After(forward.Pause):
		case <-ctx.Done():
			return nil
		}
	}
}
