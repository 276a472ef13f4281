package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// system has two components, a Secret to be generated in one of them, and a namespace of neither.
const system = `apiVersion: v1
kind: Namespace
metadata: {name: rating}
---
apiVersion: v1
kind: Secret
metadata:
  name: nats-proxy
  namespace: rating
  labels: {app.kubernetes.io/component: proxy}
  annotations: {deploy.codingflow.com/generate: password=random}
---
apiVersion: v1
kind: Secret
metadata:
  name: made-by-hand
  namespace: rating
  labels: {app.kubernetes.io/component: proxy}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: proxy
  namespace: rating
  labels: {app.kubernetes.io/component: proxy}
spec: {template: {spec: {containers: [{name: proxy, image: registry.example/proxy}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: nats
  namespace: rating
  labels: {app.kubernetes.io/component: nats}
spec:
  template:
    spec:
      initContainers: [{name: wait, image: registry.example/wait}]
      containers: [{name: nats, image: registry.example/nats}, {name: reload, image: registry.example/wait}]
`

func buildSystem(t *testing.T) Objects {
	t.Helper()
	overlay := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [system.yaml]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(overlay, "system.yaml"), []byte(system), 0o600))
	objects, err := Build(overlay)
	require.NoError(t, err)
	return objects
}

func names(objects Objects) []string {
	var all []string
	for _, object := range objects {
		all = append(all, Name(object))
	}
	return all
}

func TestOnlyTakesComponentsAndWhatAllOfThemWant(t *testing.T) {
	objects := buildSystem(t)
	for name, test := range map[string]struct {
		components []string
		want       []string
		images     []string
	}{
		"one": {
			[]string{"nats"},
			[]string{"Namespace rating", "Secret rating/nats-proxy", "StatefulSet rating/nats"},
			[]string{"registry.example/nats", "registry.example/wait"},
		},
		"the other": {
			[]string{"proxy"},
			[]string{"Namespace rating", "Secret rating/made-by-hand", "Secret rating/nats-proxy", "Deployment rating/proxy"},
			[]string{"registry.example/proxy"},
		},
		"both": {
			[]string{"proxy", "nats"},
			names(objects),
			[]string{"registry.example/nats", "registry.example/proxy", "registry.example/wait"},
		},
		"none": {nil, []string{"Namespace rating", "Secret rating/nats-proxy"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			some, err := objects.Only(test.components...)
			require.NoError(t, err)
			require.Equal(t, test.want, names(some))
			images, err := some.Images()
			require.NoError(t, err)
			require.Equal(t, test.images, images)
		})
	}
}

func TestOnlyNamesTheComponentsThatThereAre(t *testing.T) {
	_, err := buildSystem(t).Only("nats", "prxy")
	require.EqualError(t, err, `no object is of component "prxy": there are nats, proxy`)
}
