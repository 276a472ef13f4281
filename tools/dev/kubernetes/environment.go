package kubernetes

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// The environments.
const (
	Dev  = "dev"
	Prod = "prod"
)

// Variable is the environment variable that names the environment which is loaded.
const Variable = "RATING_ENVIRONMENT"

// Settings choose an environment, and what differs between people and machines.
type Settings struct {
	// Environment is Dev or Prod.
	Environment string
	// Kubeconfig is the file with the credentials; .kube/ENVIRONMENT.yaml in the checkout by default.
	Kubeconfig string
	// Context is the one in Kubeconfig: k3d's for Dev by default, the current one for Prod.
	Context string
	// DevRegistry is NAME.localhost:PORT, Registry by default, and is made with the cluster. ProdRegistry is HOST[/PATH].
	DevRegistry, ProdRegistry string
}

// An Environment is where the system is deployed to, and how.
type Environment struct {
	Name       string
	Kubeconfig string // an absolute path
	Context    string // of Kubeconfig; "" is the current one
	Registry   string // HOST[:PORT][/PATH], from which the cluster pulls
	Overlay    string // the folder of the kustomize overlay, in the checkout
	target     []string
}

// NewEnvironment returns the environment that settings choose.
//
// Errors: the environment is not one; the registry of Prod is missing; that of Dev is not NAME.localhost:PORT.
func NewEnvironment(root workspace.Root, settings Settings) (Environment, error) {
	e := Environment{Name: settings.Environment, Kubeconfig: settings.Kubeconfig, Context: settings.Context}
	if e.Kubeconfig == "" {
		e.Kubeconfig = root.Path(".kube", e.Name+".yaml")
	}
	switch e.Name {
	case Dev:
		if e.Context == "" {
			e.Context = "k3d-" + Name
		}
		e.Registry, e.Overlay, e.target = settings.DevRegistry, "k8s/dev", []string{"//k8s:deploy_dev"}
		if e.Registry == "" {
			e.Registry = Registry
		}
		_, _, err := splitRegistry(e.Registry)
		return e, err
	case Prod:
		e.Registry, e.Overlay, e.target = settings.ProdRegistry, "k8s/aks", []string{"--config=release", "//k8s:deploy_aks"}
		if e.Registry == "" {
			return Environment{}, errors.New("the registry of prod is missing: set PROD_REGISTRY, or --prod-registry, to the HOST[/PATH] from which its cluster pulls, such as NAME.azurecr.io")
		}
		return e, nil
	default:
		return Environment{}, fmt.Errorf("environment %q: it must be %s or %s", e.Name, Dev, Prod)
	}
}

// Assignments returns the commands that set the variables of the environment in a shell: bash, zsh, fish, or any other POSIX shell.
func (e Environment) Assignments() string {
	var text strings.Builder
	for _, variable := range e.variables() {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&text, "export %s=%s\n", name, quote(value))
	}
	return text.String()
}

// variables returns what is loaded with the environment, as NAME=VALUE.
func (e Environment) variables() []string {
	return []string{
		Variable + "=" + e.Name,
		"KUBECONFIG=" + e.Kubeconfig,
		"REGISTRY=" + e.Registry,
		"OVERLAY=" + e.Overlay,
	}
}

// splitRegistry returns the name and the port of a registry on this machine.
func splitRegistry(registry string) (name, port string, err error) {
	name, port, err = net.SplitHostPort(registry)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || !strings.HasSuffix(name, ".localhost") {
		return "", "", fmt.Errorf("registry of dev %q: it must be NAME.localhost:PORT, such as %s", registry, Registry)
	}
	return name, port, nil
}
