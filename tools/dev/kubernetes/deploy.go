package kubernetes

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A Part is what one command deploys: objects by their label app.kubernetes.io/component. Objects without that label, such as
// the namespace and the network policies, are deployed with every part; so are the Secrets that are generated, for NATS knows the users of all.
type Part struct {
	what string
	// Components are none for everything.
	Components []string
	// Next is the command that comes after it the first time.
	Next string
}

// The parts, in the order in which they are deployed the first time.
var (
	Queues   = Part{"NATS with JetStream, its users, and the queues", []string{"nats", "queues"}, "deploy-service"}
	Service  = Part{"The rating service, with its database and the database's schema", []string{"database", "migration", "service"}, "deploy-http-to-nats-proxy"}
	Proxy    = Part{"The proxy from HTTP to NATS", []string{"proxy"}, "deploy-gateway"}
	Gateway  = Part{"The gateway and its routes", []string{"gateway"}, "deploy-frontend"}
	Frontend = Part{"The web app", []string{"web"}, "port-forward-gateway"}
	All      = Part{what: "Everything", Next: "port-forward-gateway"}
)

// Deploy builds the images that a part runs, pushes them, applies the part's manifests and waits until it is ready. The queues
// bring NACK with them. What is as it should be already is left alone.
//
// Errors: the environment is Prod and yes is not set; a program is missing; the cluster does not answer; a program fails.
func (s *Session) Deploy(ctx context.Context, part Part, yes bool) error {
	if s.Environment.Name == Prod && !yes && !s.DryRun {
		return errors.New("prod is loaded: add --yes to deploy there, or load_config dev")
	}
	if err := s.require("bazel", "kubectl"); err != nil {
		return err
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	var steps []step
	if slices.Equal(part.Components, Queues.Components) {
		steps = append(steps, s.nack())
	}
	steps = append(steps, step{what: part.what, commands: []command{s.deploy(part)}})
	next := "Next: " + s.command(part.Next)
	if s.Environment.Name == Prod {
		pods := s.kubectl("--namespace", Name, "get", "pods")
		next = "Look at it: " + line(pods.args, pods.env)
	}
	return s.do(ctx, steps, next)
}

func (s *Session) deploy(part Part) command {
	args := append([]string{"bazel", "run"}, s.Environment.target...)
	var more []string
	if s.Environment.Context != "" {
		more = append(more, "--context", s.Environment.Context)
	}
	if len(part.Components) > 0 {
		more = append(more, "--only", strings.Join(part.Components, ","))
	}
	if len(more) > 0 {
		args = append(append(args, "--"), more...)
	}
	return command{
		args:    args,
		env:     []string{"KUBECONFIG=" + s.Environment.Kubeconfig, "REGISTRY=" + s.Environment.Registry},
		timeout: buildTimeout,
	}
}
