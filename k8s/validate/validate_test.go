package validate

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	// keep their modules, for their definitions
	_ "github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	_ "github.com/kedacore/keda/v2/version"
	_ "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/require"
)

var (
	crds       = flag.String("crds", "../../../shared/crds", "folder with the custom resource definitions of NACK, kgateway, CloudNativePG and External Secrets")
	renderings = flag.String("renderings", "../testdata/*.yaml", "rendered manifests to validate")
)

// elsewhere are the groups whose definitions are in no Go module that can be required: they are validated where -crds says where they are.
var elsewhere = []string{"jetstream.nats.io", "gateway.kgateway.dev", "postgresql.cnpg.io", "external-secrets.io"}

// definitions are the definitions that tests validate with, and whether those from elsewhere are among them.
var definitions = sync.OnceValues(func() (*Definitions, error) {
	folders := []string{}
	for module, folder := range map[string]string{
		"github.com/cert-manager/cert-manager":                     "deploy/crds",
		"github.com/kedacore/keda/v2":                              "config/crd/bases",
		"github.com/kubernetes-csi/external-snapshotter/client/v8": "config/crd",
		"sigs.k8s.io/gateway-api":                                  "config/crd/standard",
	} {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		if err != nil {
			return nil, err
		}
		folders = append(folders, filepath.Join(strings.TrimSpace(string(dir)), folder))
	}
	if _, err := os.Stat(*crds); err == nil {
		folders = append(folders, *crds)
	}
	return LoadDefinitions(folders...)
})

// TestRenderings validates what is deployed, as package k8s renders it. infra-NAME.yaml is what a cluster needs once: each overlay is
// validated together with it, or only the overlay NAME if there is one.
func TestRenderings(t *testing.T) {
	files, err := filepath.Glob(*renderings)
	require.NoError(t, err)
	overlays := make(map[string][]*Object)
	infra := make(map[string][]*Object)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		objects, err := Parse(text)
		require.NoError(t, err, file)
		require.NotEmpty(t, objects, file)
		if name, ok := strings.CutPrefix(filepath.Base(file), "infra-"); ok {
			infra[strings.TrimSuffix(name, ".yaml")] = objects
		} else {
			overlays[strings.TrimSuffix(filepath.Base(file), ".yaml")] = objects
		}
	}
	require.NotEmpty(t, overlays, *renderings)
	for name, objects := range overlays {
		for part, more := range infra {
			if _, ok := overlays[part]; !ok || part == name {
				objects = together(objects, more)
			}
		}
		t.Run(name, func(t *testing.T) { keeps(t, objects) })
	}
}

// together adds objects to those of an overlay. One that is in both, as a namespace that infra needs already, is the overlay's.
func together(overlay, infra []*Object) []*Object {
	all := slices.Clone(overlay)
	for _, object := range infra {
		if !slices.ContainsFunc(overlay, func(o *Object) bool {
			return o.GroupVersionKind() == object.GroupVersionKind() && o.String() == object.String()
		}) {
			all = append(all, object)
		}
	}
	return all
}

// keeps fails a test with all that is wrong with a rendering: what the API server refuses, or else what policies are not kept.
func keeps(t *testing.T, objects []*Object) {
	t.Helper()
	definitions, err := definitions()
	require.NoError(t, err)
	problems, unchecked := Check(objects, definitions, elsewhere...)
	if len(unchecked) > 0 {
		t.Logf("not validated, for want of their definitions (-crds): %s", strings.Join(unchecked, ", "))
	}
	for _, problem := range problems {
		t.Error(problem)
	}
	if t.Failed() {
		return
	}
	cluster := NewCluster(objects)
	for _, policy := range Policies {
		t.Run(policy.Name, func(t *testing.T) {
			for _, problem := range policy.Check(cluster) {
				t.Error(problem)
			}
		})
	}
}

// TestTheDefaultsAreThoseOfThePrograms keeps what the policy on stopping assumes equal to the programs' flags.
func TestTheDefaultsAreThoseOfThePrograms(t *testing.T) {
	settings := []setting{longestCall}
	for _, program := range programs {
		settings = append(settings, program.timeout)
		if program.delay.variable != "" {
			settings = append(settings, program.delay)
		}
	}
	for _, s := range settings {
		found := 0
		for _, file := range []string{"../../proxy/main.go", "../../services/rating/main.go", "../../services/web/main.go"} {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range regexp.MustCompile(`env:"`+s.variable+`" default:"([^"]+)"`).FindAllSubmatch(text, -1) {
				otherwise, err := time.ParseDuration(string(match[1]))
				require.NoError(t, err)
				require.Equal(t, s.otherwise, otherwise, s.variable)
				found++
			}
		}
		require.Equal(t, 1, found, "flags with %s", s.variable)
	}
}
