package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Name is the cluster's. k3d names what it makes after it, the context of kubectl included: k3d-rating.
const Name = "rating"

// Registry is where the cluster's registry is by default, for this machine and in the cluster. k3d takes its name as it is; the
// prefix k3d- is what k3d gives to registries that it names itself.
const Registry = "k3d-rating.localhost:5000"

// createTimeout is how long k3d may take, with Kubernetes to be pulled, before it gives up and takes away what it made.
const createTimeout = "8m"

// state is how it is with the cluster.
type state int

const (
	absent state = iota
	stopped
	running
)

// state asks k3d. Docker must run for it.
func (s *Session) state(ctx context.Context) (state, error) {
	if err := s.require("docker", "k3d"); err != nil {
		return absent, err
	}
	if _, err := s.look(ctx, nil, "docker", "info", "--format", "{{.ServerVersion}}"); err != nil {
		return absent, fmt.Errorf("Docker does not run, or does not let you in: start it (Docker Desktop, or systemctl start docker), and see that docker info works: %w", err) //nolint:staticcheck // it is a name
	}
	text, err := s.look(ctx, nil, "k3d", "cluster", "list", "--output", "json")
	if err != nil {
		return absent, err
	}
	return parseState(text)
}

// parseState reads the list of clusters that k3d prints. What k3d logs goes to stdout too.
func parseState(text string) (state, error) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "[") {
			continue
		}
		var clusters []struct {
			Name           string
			ServersRunning int
		}
		if err := json.Unmarshal([]byte(line), &clusters); err != nil {
			return absent, fmt.Errorf("k3d cluster list: %w", err)
		}
		for _, cluster := range clusters {
			if cluster.Name != Name {
				continue
			}
			if cluster.ServersRunning == 0 {
				return stopped, nil
			}
			return running, nil
		}
		return absent, nil
	}
	return absent, errors.New("k3d cluster list: it printed no list")
}

// Create makes the cluster with its registry and installs what the system needs there once. A cluster that exists is started, if
// need be, and what is in it brought up to date.
//
// Errors: the environment is not Dev; a program is missing; Docker does not run; the registry's port is taken; a program fails.
func (s *Session) Create(ctx context.Context) error {
	if err := s.requireDev(); err != nil {
		return err
	}
	name, port, err := splitRegistry(s.Environment.Registry)
	if err != nil {
		return err
	}
	steps := []step{{
		what: "The cluster " + Name + ", with the registry " + s.Environment.Registry,
		commands: []command{{args: []string{
			"k3d", "cluster", "create", Name,
			"--image", KubernetesImage,
			"--registry-create", name + ":127.0.0.1:" + port,
			"--k3s-arg", "--disable=traefik@server:*", // kgateway is the gateway
			"--kubeconfig-update-default=false",
			"--timeout", createTimeout,
		}}},
	}}
	if !s.DryRun {
		if err := s.require("docker", "k3d", "kubectl", "helm"); err != nil {
			return err // before there is half a cluster
		}
		found, err := s.state(ctx)
		if err != nil {
			return err
		}
		switch found {
		case running:
			s.printf("The cluster %s is there. What is in it is brought up to date.", Name)
			steps = nil
		case stopped:
			s.printf("The cluster %s is there, and stopped. It is started, and what is in it brought up to date.", Name)
			steps = []step{startStep()}
		case absent:
			if err := checkPort(ctx, "127.0.0.1:"+port); err != nil {
				return fmt.Errorf("the registry cannot have its port: %w; or give it another: export DEV_REGISTRY=%s:PORT", err, name)
			}
		}
		if err := os.MkdirAll(filepath.Dir(s.Environment.Kubeconfig), 0o700); err != nil {
			return err
		}
	}
	steps = append(steps, s.credentials())
	return s.do(ctx, append(steps, s.infrastructure()...),
		"The cluster is ready. Next, all of the system: "+s.command("deploy-all"),
		"or one part after the other, beginning with: "+s.command("deploy-nack"))
}

func startStep() step {
	return step{what: "Start the cluster " + Name, commands: []command{{args: []string{"k3d", "cluster", "start", Name, "--timeout", createTimeout}}}}
}

// credentials writes the file that kubectl reads. The default one, with other clusters, is left alone.
func (s *Session) credentials() step {
	return step{
		what:     "Credentials for kubectl, in " + s.Environment.Kubeconfig,
		commands: []command{{args: []string{"k3d", "kubeconfig", "merge", Name, "--output", s.Environment.Kubeconfig, "--kubeconfig-switch-context"}}},
	}
}

// Start starts the cluster where it is stopped.
//
// Errors: the environment is not Dev; a program is missing; Docker does not run; there is no cluster; k3d fails.
func (s *Session) Start(ctx context.Context) error {
	if err := s.requireDev(); err != nil {
		return err
	}
	next := "Next: " + s.command("port-forward-gateway")
	if !s.DryRun {
		found, err := s.state(ctx)
		if err != nil {
			return err
		}
		switch found {
		case absent:
			return fmt.Errorf("there is no cluster %s: make it with %s", Name, s.command("create-cluster"))
		case running:
			s.printf("The cluster %s runs already.", Name)
			s.printf("%s", next)
			return nil
		case stopped:
		}
	}
	return s.do(ctx, []step{startStep()}, next)
}

// Stop stops the cluster where it runs. What is in it stays.
//
// Errors: the environment is not Dev; a program is missing; Docker does not run; k3d fails.
func (s *Session) Stop(ctx context.Context) error {
	if err := s.requireDev(); err != nil {
		return err
	}
	if !s.DryRun {
		found, err := s.state(ctx)
		switch {
		case err != nil:
			return err
		case found == absent:
			s.printf("There is no cluster %s.", Name)
			return nil
		case found == stopped:
			s.printf("The cluster %s is stopped already.", Name)
			return nil
		}
	}
	return s.do(ctx, []step{{
		what:     "Stop the cluster " + Name + "; what is in it stays",
		commands: []command{{args: []string{"k3d", "cluster", "stop", Name}}},
	}}, "To go on: "+s.command("start-cluster"))
}

// Delete deletes the cluster, its registry, all data in them, and the file with its credentials.
//
// Errors: the environment is not Dev; a program is missing; Docker does not run; k3d fails.
func (s *Session) Delete(ctx context.Context) error {
	if err := s.requireDev(); err != nil {
		return err
	}
	if !s.DryRun {
		found, err := s.state(ctx)
		if err != nil {
			return err
		}
		if found == absent {
			s.printf("There is no cluster %s.", Name)
			return s.forgetCredentials()
		}
	}
	err := s.do(ctx, []step{{
		what:     "Delete the cluster " + Name + ", with its database, its queues and its registry",
		commands: []command{{args: []string{"k3d", "cluster", "delete", Name}}},
	}}, "To make it anew: "+s.command("create-cluster"))
	if err != nil || s.DryRun {
		return err
	}
	return s.forgetCredentials()
}

func (s *Session) forgetCredentials() error {
	if err := os.Remove(s.Environment.Kubeconfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// checkPort returns an error where something listens on an address of this machine.
func checkPort(ctx context.Context, address string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("something listens on %s already: end it", address)
	default:
		return err
	}
}
