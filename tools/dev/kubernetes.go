package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/codingflow/rating/tools/dev/kubernetes"
	"github.com/codingflow/rating/tools/dev/workspace"
)

// kubernetesCommands are the commands for Kubernetes. docs/development.md has them in the order in which they are used.
type kubernetesCommands struct {
	LoadConfig    loadConfigCommand    `cmd:"" name:"load-config" aliases:"load_config" group:"Kubernetes:" help:"Print the variables of an environment, for a shell to evaluate."`
	CreateCluster createClusterCommand `cmd:"" group:"Kubernetes:" help:"Create the cluster on this machine, with its registry and what the system needs in it."`
	StartCluster  startClusterCommand  `cmd:"" group:"Kubernetes:" help:"Start the cluster where it is stopped."`
	StopCluster   stopClusterCommand   `cmd:"" group:"Kubernetes:" help:"Stop the cluster; what is in it stays."`
	DeleteCluster deleteClusterCommand `cmd:"" group:"Kubernetes:" help:"Delete the cluster and all data in it."`

	DeployNack     deployNackCommand     `cmd:"" group:"Kubernetes:" help:"Deploy NACK, NATS with JetStream, and the queues."`
	DeployService  deployServiceCommand  `cmd:"" group:"Kubernetes:" help:"Build, push and deploy the rating service, and its database."`
	DeployProxy    deployProxyCommand    `cmd:"" name:"deploy-http-to-nats-proxy" group:"Kubernetes:" help:"Build, push and deploy the proxy."`
	DeployGateway  deployGatewayCommand  `cmd:"" group:"Kubernetes:" help:"Deploy the gateway and its routes."`
	DeployFrontend deployFrontendCommand `cmd:"" group:"Kubernetes:" help:"Build, push and deploy the web app."`
	DeployAll      deployAllCommand      `cmd:"" group:"Kubernetes:" help:"Build, push and deploy everything."`

	PortForwardGateway portForwardGatewayCommand `cmd:"" group:"Kubernetes:" help:"Make the gateway reachable at a port of this machine."`
}

// heartbeat is how often a program that says nothing is said to be at work still.
const heartbeat = 10 * time.Second

// environmentFlags are those of every command that has to do with an environment.
type environmentFlags struct {
	Kubeconfig   string `type:"path" placeholder:"FILE" help:"Credentials for kubectl; .kube/ENVIRONMENT.yaml in the checkout by default."`
	Context      string `placeholder:"NAME" help:"Context in that file; k3d's for dev by default, the current one for prod."`
	DevRegistry  string `env:"DEV_REGISTRY" placeholder:"NAME.localhost:PORT" help:"Registry of dev, which is made with its cluster; k3d-rating.localhost:5000 by default."`
	ProdRegistry string `env:"PROD_REGISTRY" placeholder:"HOST[/PATH]" help:"Registry of prod."`
}

// environment returns the environment with a name.
func (f *environmentFlags) environment(root workspace.Root, name string) (kubernetes.Environment, error) {
	return kubernetes.NewEnvironment(root, kubernetes.Settings{
		Environment: name, Kubeconfig: f.Kubeconfig, Context: f.Context, DevRegistry: f.DevRegistry, ProdRegistry: f.ProdRegistry,
	})
}

type loadConfigCommand struct {
	environmentFlags
	Environment string `arg:"" enum:"dev,prod" help:"dev or prod."`
}

// Run prints assignments.
func (c *loadConfigCommand) Run() error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	environment, err := c.environment(root, c.Environment)
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(environment.Assignments())
	return err
}

// clusterFlags are those of every command that does something with a cluster.
type clusterFlags struct {
	environmentFlags
	Environment string `enum:"dev,prod" default:"dev" env:"RATING_ENVIRONMENT" help:"Environment: dev or prod; load-config sets the variable."`
	DryRun      bool   `help:"Print the command lines and run nothing."`
}

func (f *clusterFlags) session() (*kubernetes.Session, error) {
	root, err := workspace.Find()
	if err != nil {
		return nil, err
	}
	environment, err := f.environment(root, f.Environment)
	if err != nil {
		return nil, err
	}
	return &kubernetes.Session{Root: root, Environment: environment, DryRun: f.DryRun, Out: os.Stdout, Heartbeat: heartbeat}, nil
}

// run runs one of a session's commands.
func (f *clusterFlags) run(ctx context.Context, command func(*kubernetes.Session, context.Context) error) error {
	session, err := f.session()
	if err != nil {
		return err
	}
	return command(session, ctx)
}

type createClusterCommand struct{ clusterFlags }

// Run creates the cluster.
func (c *createClusterCommand) Run(ctx context.Context) error {
	return c.run(ctx, (*kubernetes.Session).Create)
}

type startClusterCommand struct{ clusterFlags }

// Run starts the cluster.
func (c *startClusterCommand) Run(ctx context.Context) error {
	return c.run(ctx, (*kubernetes.Session).Start)
}

type stopClusterCommand struct{ clusterFlags }

// Run stops the cluster.
func (c *stopClusterCommand) Run(ctx context.Context) error {
	return c.run(ctx, (*kubernetes.Session).Stop)
}

type deleteClusterCommand struct{ clusterFlags }

// Run deletes the cluster.
func (c *deleteClusterCommand) Run(ctx context.Context) error {
	return c.run(ctx, (*kubernetes.Session).Delete)
}

// deployFlags are those of the commands that deploy.
type deployFlags struct {
	clusterFlags
	Yes bool `help:"Deploy to prod, too."`
}

func (f *deployFlags) deploy(ctx context.Context, part kubernetes.Part) error {
	return f.run(ctx, func(s *kubernetes.Session, ctx context.Context) error { return s.Deploy(ctx, part, f.Yes) })
}

type deployNackCommand struct{ deployFlags }

// Run deploys the queues.
func (c *deployNackCommand) Run(ctx context.Context) error { return c.deploy(ctx, kubernetes.Queues) }

type deployServiceCommand struct{ deployFlags }

// Run deploys the rating service.
func (c *deployServiceCommand) Run(ctx context.Context) error {
	return c.deploy(ctx, kubernetes.Service)
}

type deployProxyCommand struct{ deployFlags }

// Run deploys the proxy.
func (c *deployProxyCommand) Run(ctx context.Context) error { return c.deploy(ctx, kubernetes.Proxy) }

type deployGatewayCommand struct{ deployFlags }

// Run deploys the gateway.
func (c *deployGatewayCommand) Run(ctx context.Context) error {
	return c.deploy(ctx, kubernetes.Gateway)
}

type deployFrontendCommand struct{ deployFlags }

// Run deploys the web app.
func (c *deployFrontendCommand) Run(ctx context.Context) error {
	return c.deploy(ctx, kubernetes.Frontend)
}

type deployAllCommand struct{ deployFlags }

// Run deploys everything.
func (c *deployAllCommand) Run(ctx context.Context) error { return c.deploy(ctx, kubernetes.All) }

type portForwardGatewayCommand struct {
	clusterFlags
	Port uint16 `default:"8080" help:"Port on this machine."`
}

// Run forwards the port until it is interrupted.
func (c *portForwardGatewayCommand) Run(ctx context.Context) error {
	if c.Port == 0 {
		return fmt.Errorf("--port: it must be 1 to 65535")
	}
	forward := kubernetes.Forward{Port: c.Port, Settled: 2 * time.Second, Pause: time.Second, Patience: 2 * time.Minute}
	return c.run(ctx, func(s *kubernetes.Session, ctx context.Context) error { return s.Forward(ctx, forward) })
}
