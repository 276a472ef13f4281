package main

import (
	"fmt"
	"io"
	"os"

	"github.com/codingflow/rating/tools/dev/scaffold"
	"github.com/codingflow/rating/tools/dev/workspace"
)

type newServiceCommand struct {
	Name   string `arg:"" help:"Name of the service and of its resource: a singular noun in lower case, such as note."`
	Plural string `placeholder:"NOUN" help:"Plural of the name; the regular one by default."`
}

// Help is shown by --help.
func (*newServiceCommand) Help() string {
	return "It makes a proto, a server that keeps its data in SQLite, a test, an image and the manifests, and enters the service where " +
		"others are. It changes no file that it would have to overwrite. docs/new-service.md goes through it."
}

// Run makes the service.
func (c *newServiceCommand) Run() error {
	root, err := workspace.Find()
	if err != nil {
		return err
	}
	service, err := scaffold.New(root, c.Name, c.Plural)
	if err != nil {
		return err
	}
	files, err := service.Make(root)
	if err != nil {
		return err
	}
	if err := files.Write(root); err != nil {
		return err
	}
	return tellNewService(os.Stdout, service, files)
}

// tellNewService writes what was made and what to do with it.
func tellNewService(w io.Writer, service *scaffold.Service, files *scaffold.Files) error {
	for _, name := range files.Created() {
		if _, err := fmt.Fprintln(w, "created", name); err != nil {
			return err
		}
	}
	for _, name := range files.Changed() {
		if _, err := fmt.Fprintln(w, "changed", name); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, `
Next:

  go run ./tools/dev generate
  go test ./services/%[1]s/... ./tools/dev/cluster
  go test ./k8s -update

Then run it, in two terminals:

  go run ./tools/dev up --nats-listen 127.0.0.1:4222
  go run ./services/%[1]s

  curl --json '{"displayName": "First"}' localhost:8080/api/%[2]s

docs/new-service.md has the rest.
`, service.Name, service.Plural)
	return err
}
