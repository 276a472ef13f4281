// Package cluster brings objects to a Kubernetes cluster, waits until what they describe runs, and says what is wrong when
// it does not. It works through kubectl.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kustomize/api/resource"

	"github.com/codingflow/rating/tools/deploy/kubectl"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

// readTimeout is the longest that one look at the cluster may take.
const readTimeout = 30 * time.Second

// Manager is the name under which fields are ours in server-side apply.
const Manager = "rating-deploy"

// A Where says what clusters may be meant.
type Where string

// The places where a cluster may be.
const (
	Anywhere Where = "any"
	Local    Where = "local"  // on this machine: k3d, kind, minikube, Docker Desktop
	Remote   Where = "remote" // none of these
)

// Cluster is a Kubernetes cluster.
type Cluster struct {
	kubectl *kubectl.Kubectl
	// Context is the context of kubectl's configuration, and Server the address there.
	Context, Server string
	out             io.Writer
}

// Open returns the cluster of a context of kubectl's configuration, the current one for "". Nothing is asked of the
// cluster yet. What happens to it is told to out, line by line.
//
// Errors: kubectl.ErrMissing; there is no such context; it is not where it must be.
func Open(ctx context.Context, name string, where Where, out io.Writer) (*Cluster, error) {
	tool, err := kubectl.Find(name)
	if err != nil {
		return nil, err
	}
	found, err := tool.Run(ctx, kubectl.Command{
		Args:    []string{"config", "view", "--minify", "--output=jsonpath={.current-context} {.clusters[0].cluster.server}"},
		Timeout: readTimeout,
	})
	var failed *kubectl.Error
	switch {
	case errors.As(err, &failed) && name == "":
		return nil, fmt.Errorf("kubectl has no current context: choose one with --context, or kubectl config use-context: %w", err)
	case errors.As(err, &failed):
		return nil, fmt.Errorf("context %s: kubectl config get-contexts lists those that there are: %w", name, err)
	case err != nil:
		return nil, err
	}
	name, server, _ := strings.Cut(strings.TrimSpace(found), " ")
	switch local := isLocal(name); {
	case where == Local && !local:
		return nil, fmt.Errorf("context %s (%s) is not a cluster on this machine (k3d-…, kind-…, minikube, docker-desktop): choose another with --context, or say --any-context", name, server)
	case where == Remote && local:
		return nil, fmt.Errorf("context %s (%s) is a cluster on this machine: choose another with --context, or say --any-context", name, server)
	}
	tool.Context = name // it stays the same if another becomes the current one meanwhile
	return &Cluster{kubectl: tool, Context: name, Server: server, out: &lines{writer: out}}, nil
}

// isLocal tells whether a context has the name that tools for clusters on one's own machine give.
func isLocal(name string) bool {
	return strings.HasPrefix(name, "k3d-") || strings.HasPrefix(name, "kind-") || name == "minikube" || name == "docker-desktop"
}

// read returns what kubectl says of the cluster.
func (c *Cluster) read(ctx context.Context, args ...string) (string, error) {
	return c.kubectl.Run(ctx, kubectl.Command{Args: args, Timeout: readTimeout})
}

func (c *Cluster) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format+"\n", args...)
}

// in returns the arguments that name an object's namespace.
func in(object *resource.Resource) []string {
	if namespace := object.GetNamespace(); namespace != "" {
		return []string{"--namespace=" + namespace}
	}
	return nil
}

// target returns an object as kubectl names it: "deployment.apps/proxy".
func target(object *resource.Resource) string {
	gvk := object.GetGvk()
	name := strings.ToLower(gvk.Kind)
	if gvk.Group != "" {
		name += "." + gvk.Group
	}
	return name + "/" + object.GetName()
}

// products say what brings the kinds of an API group.
var products = map[string]string{
	"gateway.networking.k8s.io": "the Gateway API",
	"gateway.kgateway.dev":      "kgateway",
	"jetstream.nats.io":         "NACK",
	"keda.sh":                   "KEDA",
	"postgresql.cnpg.io":        "CloudNativePG",
}

// kinds returns the kinds that the cluster knows, as KIND.GROUP, and what kubectl complained of where its list may lack some.
func (c *Cluster) kinds(ctx context.Context) (known map[string]bool, complaint error, err error) {
	table, err := c.read(ctx, "api-resources", "--no-headers")
	var failed *kubectl.Error
	if errors.As(err, &failed) && table != "" {
		complaint = err // one API that is down, such as that of metrics, does not matter unless a kind of it is wanted
	} else if err != nil {
		return nil, nil, err
	}
	known = make(map[string]bool)
	for line := range strings.Lines(table) {
		// NAME [SHORTNAMES] APIVERSION NAMESPACED KIND
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		group, _, found := strings.Cut(fields[len(fields)-3], "/")
		if !found {
			group = ""
		}
		known[fields[len(fields)-1]+"."+group] = true
	}
	return known, complaint, nil
}

// require asserts that the cluster knows the kinds of all objects, or gets them from one of these.
func (c *Cluster) require(ctx context.Context, objects manifest.Objects) error {
	known, complaint, err := c.kinds(ctx)
	if err != nil {
		return err
	}
	for _, object := range objects.Where(isCRD) {
		content, err := object.Map()
		if err != nil {
			return err
		}
		spec, _ := content["spec"].(map[string]any)
		names, _ := spec["names"].(map[string]any)
		known[fmt.Sprint(names["kind"], ".", spec["group"])] = true
	}
	var missing []error
	var said []string
	for _, object := range objects {
		gvk := object.GetGvk()
		kind := gvk.Kind + "." + gvk.Group
		if known[kind] || slices.Contains(said, kind) {
			continue
		}
		said = append(said, kind)
		product := products[gvk.Group]
		if product == "" {
			product = "its CustomResourceDefinition"
		}
		missing = append(missing, fmt.Errorf("%s: the cluster does not know %s of %s: install %s, as docs/kubernetes.md says", manifest.Name(object), gvk.Kind, gvk.ApiVersion(), product))
	}
	if len(missing) > 0 && complaint != nil {
		missing = append(missing, complaint)
	}
	return errors.Join(missing...)
}

// lines is a writer for several at once.
type lines struct {
	mu     sync.Mutex
	writer io.Writer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writer.Write(data)
}
