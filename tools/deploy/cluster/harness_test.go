package cluster

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/kubectl/kubectltest"
	"github.com/codingflow/rating/tools/deploy/manifest"
)

const (
	minute = time.Minute
	job    = "rating-migrate-87f0463c44"
)

// kinds is what kubectl api-resources prints of a cluster that has all that the system wants.
const kinds = `configmaps                 cm      v1                              true    ConfigMap
namespaces                 ns      v1                              false   Namespace
secrets                            v1                              true    Secret
deployments                deploy  apps/v1                         true    Deployment
statefulsets               sts     apps/v1                         true    StatefulSet
horizontalpodautoscalers   hpa     autoscaling/v2                  true    HorizontalPodAutoscaler
jobs                               batch/v1                        true    Job
streams                            jetstream.nats.io/v1beta2       true    Stream
scaledobjects              so      keda.sh/v1alpha1                true    ScaledObject
clusters                           postgresql.cnpg.io/v1           true    Cluster
`

// newFake returns a kubectl whose cluster has nothing but the kinds, and does all that it is asked.
func newFake(t *testing.T) *kubectltest.Fake {
	t.Helper()
	fake := kubectltest.New(t)
	fake.Answer("config view", kubectltest.Answer{Stdout: "k3d-rating https://127.0.0.1:6443"})
	fake.Answer("api-resources", kubectltest.Answer{Stdout: kinds})
	fake.Answer("get events", kubectltest.Answer{Stdout: `{"items": []}`})
	fake.Answer("--for=condition=Failed", kubectltest.Answer{Hang: true})
	return fake
}

// open returns the cluster and what it tells.
func open(t *testing.T) (*Cluster, *bytes.Buffer) {
	t.Helper()
	told := new(bytes.Buffer)
	opened, err := Open(t.Context(), "", Local, told)
	require.NoError(t, err)
	return opened, told
}

// system returns the objects of testdata/system.
func system(t *testing.T) manifest.Objects {
	t.Helper()
	objects, err := manifest.Render("testdata/system", nil)
	require.NoError(t, err)
	require.Equal(t, job, objects.Where(isJob)[0].GetName())
	return objects
}

// verbs returns the calls, other than those that only look, with the kinds and names that they get.
func verbs(fake *kubectltest.Fake) []string {
	var all []string
	for _, call := range fake.Calls("") {
		args := strings.TrimPrefix(call.Args, "--context=k3d-rating ")
		if strings.HasPrefix(args, "config view") || strings.HasPrefix(args, "api-resources") || strings.Contains(args, " get ") {
			continue
		}
		all = append(all, args+listed(call.Stdin))
	}
	return all
}

var kindAndName = regexp.MustCompile(`(?m)^kind: (\w+)\nmetadata:\n(?:  .*\n)*?  name: (\S+)`)

// listed returns the kinds and names of the objects in a text.
func listed(text string) string {
	var all string
	for _, match := range kindAndName.FindAllStringSubmatch(text, -1) {
		all += " " + match[1] + "/" + match[2]
	}
	return all
}

// built returns the objects of testdata/system as they are deleted.
func built(t *testing.T) manifest.Objects {
	t.Helper()
	objects, err := manifest.Build("testdata/system")
	require.NoError(t, err)
	return objects
}
