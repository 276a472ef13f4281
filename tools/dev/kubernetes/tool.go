package kubernetes

import (
	"errors"
	"fmt"
	"os/exec"
)

// installation says how one gets each program that the commands run.
var installation = map[string]string{
	"bazel":   "install Bazelisk (https://github.com/bazelbuild/bazelisk#installation)",
	"docker":  "install Docker (https://docs.docker.com/get-started/get-docker/)",
	"helm":    "install it (https://helm.sh/docs/intro/install/)",
	"k3d":     "install it (https://k3d.io/stable/#installation)",
	"kubectl": "install it (https://kubernetes.io/docs/tasks/tools/)",
}

// onPath returns an error that names all programs which are not on PATH, and says how to get them.
func onPath(programs ...string) error {
	var missing []error
	for _, program := range programs {
		if _, err := exec.LookPath(resolve(program)); err == nil {
			continue
		}
		err := fmt.Errorf("%s is not on PATH: %s", program, installation[program])
		if program != "docker" {
			err = fmt.Errorf("%w, or enter the Devbox shell (devbox shell)", err)
		}
		missing = append(missing, err)
	}
	return errors.Join(missing...)
}

// resolve returns the name under which a program is on PATH: Bazelisk is installed as bazel by some and as bazelisk by others.
func resolve(program string) string {
	if program == "bazel" {
		if _, err := exec.LookPath(program); err != nil {
			if _, err := exec.LookPath("bazelisk"); err == nil {
				return "bazelisk"
			}
		}
	}
	return program
}
