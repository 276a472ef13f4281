package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/deploy/manifest"
	"github.com/codingflow/rating/tools/dev/kubernetes"
)

// devbox is devbox.json, as far as Devbox's schema allows it and we use it.
type devbox struct {
	Schema      string            `json:"$schema"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Packages    map[string]string `json:"packages"` // versions by name
	Env         map[string]string `json:"env"`
	Shell       struct {
		InitHook []string          `json:"init_hook"`
		Scripts  map[string]string `json:"scripts"`
	} `json:"shell"`
	Aliases map[string]string `json:"aliases"`
}

// inCheckout returns the text of a file at the top of the checkout.
func inCheckout(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	require.NoError(t, err)
	return string(text)
}

func readDevbox(t *testing.T) devbox {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(inCheckout(t, "devbox.json")))
	decoder.DisallowUnknownFields()
	var config devbox
	require.NoError(t, decoder.Decode(&config))
	return config
}

// originals are the commands that a developer of the project before this one knew, and what each is of dev's.
var originals = map[string]string{
	"load_config":               "load-config",
	"create-cluster":            "create-cluster",
	"start-cluster":             "start-cluster",
	"stop-cluster":              "stop-cluster",
	"delete-cluster":            "delete-cluster",
	"deploy-nack":               "deploy-nack",
	"deploy-gateway":            "deploy-gateway",
	"deploy-http-to-nats-proxy": "deploy-http-to-nats-proxy",
	"deploy-service":            "deploy-service",
	"deploy-frontend":           "deploy-frontend",
	"deploy-all":                "deploy-all",
	"port-forward-gateway":      "port-forward-gateway",
}

func TestDevboxPinsEveryProgram(t *testing.T) {
	config := readDevbox(t)
	for _, name := range []string{"azure-cli", "bazelisk", "go", "k3d", "k6", "kubectl", "kubelogin", "kubernetes-helm", "natscli", "nodejs"} {
		require.Contains(t, config.Packages, name)
	}
	for name, version := range config.Packages {
		require.Regexp(t, `^\d+\.\d+\.\d+$`, version, name)
	}
	goVersion := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(inCheckout(t, "go.mod"))
	require.Equal(t, goVersion[1], config.Packages["go"])
}

func TestDevboxHasEveryCommandAsAScriptAndAsAnAlias(t *testing.T) {
	config := readDevbox(t)
	app, err := kong.New(new(cli), kong.Vars{"version": ""})
	require.NoError(t, err)
	commands := make(map[string]bool)
	for _, node := range app.Model.Leaves(true) {
		commands[node.Name] = true
	}
	scripts, aliases := make(map[string]string), map[string]string{"bazel": "bazelisk"}
	for original, name := range originals {
		require.True(t, commands[name], name)
		scripts[original] = `dev ` + name + ` "$@"`
		if original != "load_config" { // which is a function, of devbox.sh
			aliases[original] = "dev " + name
		}
	}
	scripts["perf"] = `dev perf "$@"` // without an alias, which would hide Linux's profiler
	require.True(t, commands["perf"])
	require.Equal(t, scripts, config.Shell.Scripts)
	require.Equal(t, aliases, config.Aliases)
}

func TestTheDocumentedFirstTimeIsTheOrderThatTheCommandsName(t *testing.T) {
	_, rest, found := strings.Cut(inCheckout(t, filepath.Join("docs", "development.md")), "\n```sh\n")
	require.True(t, found)
	sequence, _, found := strings.Cut(rest, "\n```\n")
	require.True(t, found)
	documented := strings.Split(sequence, "\n")
	require.Equal(t, "create-cluster", documented[0])
	parts := []kubernetes.Part{kubernetes.Queues, kubernetes.Service, kubernetes.Proxy, kubernetes.Gateway, kubernetes.Frontend}
	for i, part := range parts {
		require.Equal(t, documented[i+2], part.Next, documented[i+1])
	}
	require.Len(t, documented, len(parts)+2)
}

// A component that one overlay lacks would be an error there; one that no command deploys would be forgotten.
func TestThePartsAreAllThatAnOverlayHas(t *testing.T) {
	for _, overlay := range []string{"dev", "aks"} {
		objects, err := manifest.Build(filepath.Join("..", "..", "k8s", overlay))
		require.NoError(t, err)
		var all []string
		for _, part := range []kubernetes.Part{kubernetes.Queues, kubernetes.Service, kubernetes.Proxy, kubernetes.Gateway, kubernetes.Frontend} {
			all = append(all, part.Components...)
			some, err := objects.Only(part.Components...)
			require.NoError(t, err, overlay)
			require.NotEmpty(t, some)
		}
		some, err := objects.Only(all...)
		require.NoError(t, err)
		require.Len(t, some, len(objects), overlay)
	}
}
