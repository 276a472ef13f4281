package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dev": main})
}

// standIn is what stands on PATH for each program that the commands run: it adds its arguments to the file calls, with the variables
// that matter, and then does what the script has in a file named after it.
const standIn = `#!/bin/sh
{
	printf '%s%s%s' "${KUBECONFIG:+KUBECONFIG=$KUBECONFIG }" "${REGISTRY:+REGISTRY=$REGISTRY }" "${0##*/}"
	for argument; do printf ' %s' "$argument"; done
	printf '\n'
} >>"$WORK/calls"
if [ -f "$WORK/${0##*/}.sh" ]; then . "$WORK/${0##*/}.sh"; fi
`

// Each script is a checkout of its own, with stand-ins and nothing else on PATH, and a free port in PORT.
func TestTheCommandsForKubernetesRunTheseProgramsWithTheseArguments(t *testing.T) {
	developers, _, _ := strings.Cut(os.Getenv("PATH"), string(filepath.ListSeparator)) // where testscript.Main has put dev
	var ports ports
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "kubernetes"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, "bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			for _, program := range []string{"bazel", "docker", "helm", "k3d", "kubectl"} {
				if err := os.WriteFile(filepath.Join(bin, program), []byte(standIn), 0o755); err != nil {
					return err
				}
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "buf.gen.yaml"), nil, 0o644); err != nil { // what a checkout is known by
				return err
			}
			port, err := ports.free()
			if err != nil {
				return err
			}
			hook, err := filepath.Abs("devbox.sh")
			if err != nil {
				return err
			}
			env.Setenv("DEVBOX_SH", hook)
			env.Setenv("PORT", port)
			env.Setenv("DEV_REGISTRY", "k3d-rating.localhost:"+port)
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+developers)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"listen": listen},
	})
}

// listen listens on a port of the loopback interface until the script ends.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	ts.Check(err)
	ts.Defer(func() { ts.Check(listener.Close()) })
}

// ports are those that scripts have got. They run side by side.
type ports struct {
	mu    sync.Mutex
	given []string
}

// free returns a port on which nothing listens and that no other script has.
func (p *ports) free() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		if err := listener.Close(); err != nil {
			return "", err
		}
		if !slices.Contains(p.given, port) {
			p.given = append(p.given, port)
			return port, nil
		}
	}
}
