// Package scaffold makes a new service of templates: its proto, a server that keeps its resources in SQLite, a test, an image, and
// what runs it in Kubernetes. docs/new-service.md goes through it.
//
// The templates are in the folder templates, where NAME in a path stands for the service's name. What the service must be entered
// in, such as the list of kustomize's resources, is in register.go.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/codingflow/rating/tools/dev/workspace"
)

//go:embed all:templates
var templates embed.FS

// A Service is what the templates need to know.
type Service struct {
	// Name is that of the program, of its proto package NAME.v1, and of its resource: a noun, such as note.
	Name string
	// Plural is what its resources are called in paths: notes.
	Plural string
	// Port is where its health is served by default: one that no other service has.
	Port int
}

// New returns the service with a name. An empty plural is that of a regular English noun.
//
// Errors: the name or the plural cannot be used, or is in use; they begin with "NAME:" or "--plural:".
func New(root workspace.Root, name, plural string) (*Service, error) {
	if err := checkName(root, name); err != nil {
		return nil, fmt.Errorf("NAME: %w", err)
	}
	s := &Service{Name: name, Plural: plural}
	if plural == "" {
		s.Plural = pluralOf(name)
	}
	if err := checkPlural(root, name, s.Plural); err != nil {
		return nil, fmt.Errorf("--plural: %w", err)
	}
	var err error
	s.Port, err = freePort(root)
	return s, err
}

// maxName is how long a name may be, in characters: it is part of the names of objects of Kubernetes.
const maxName = 30

var wellFormed = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// reserved are names that something else in this system has, though no folder says so.
var reserved = []string{
	"admin", "app", "auth", "buf", "database", "gateway", "google", "grpc", "nack", "nats", "natsgrpc", "natsgrpctest", "operations", "otel",
	"postgres", "sqlite", "sys",
	// names of the generated code's variables, packages and fields
	"client", "codes", "context", "create", "created", "err", "errors", "found", "health", "http", "id", "io", "name", "net", "once", "page",
	"proto", "req", "requests", "rows", "s", "server", "status", "t", "time", "token", "tx", "url", "uuid",
}

// places are where a name must be free.
var places = []string{"proto/", "proto/gateway/", "services/", "k8s/base/", "k8s/components/"}

func checkName(root workspace.Root, name string) error {
	switch {
	case !wellFormed.MatchString(name):
		return fmt.Errorf("%q is not a lower-case letter and then lower-case letters and digits", name)
	case len(name) > maxName:
		return fmt.Errorf("%q has %d characters, may have %d", name, len(name), maxName)
	case token.IsKeyword(name) || types.Universe.Lookup(name) != nil:
		return fmt.Errorf("%q is a word of Go", name)
	case slices.Contains(reserved, name):
		return fmt.Errorf("%q is taken: it means something else here", name)
	}
	for _, place := range places {
		switch _, err := os.Stat(root.Path(filepath.FromSlash(place), name)); {
		case err == nil:
			return fmt.Errorf("%q is taken: there is %s%s", name, place, name)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

// collection finds the collections that a proto has in its paths.
var collection = regexp.MustCompile(`(?:get|post|put|patch|delete): "/(?:\{[^}=]*=)?([A-Za-z0-9]+)`)

func checkPlural(root workspace.Root, name, plural string) error {
	switch {
	case !wellFormed.MatchString(plural):
		return fmt.Errorf("%q is not a lower-case letter and then lower-case letters and digits", plural)
	case plural == name:
		return fmt.Errorf("%q is the name itself; lists need another", plural)
	case plural == "requests":
		return fmt.Errorf("%q is taken: it is a table of every service", plural)
	}
	protos := os.DirFS(root.Path("proto"))
	return fs.WalkDir(protos, ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != ".proto" {
			return err
		}
		text, err := fs.ReadFile(protos, file)
		if err != nil {
			return err
		}
		for _, match := range collection.FindAllSubmatch(text, -1) {
			if string(match[1]) == plural {
				return fmt.Errorf("%q is taken: proto/%s has paths that begin with /%s", plural, file, plural)
			}
		}
		return nil
	})
}

// pluralOf returns a regular plural.
func pluralOf(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok && stem != "" && !strings.ContainsAny(stem[len(stem)-1:], "aeiou") {
		return stem + "ies"
	}
	for _, ending := range []string{"s", "x", "z", "ch", "sh"} {
		if strings.HasSuffix(noun, ending) {
			return noun + "es"
		}
	}
	return noun + "s"
}

// firstPort is the first that new services get: those below are of the programs that came with the system.
const firstPort = 8090

var listenDefault = regexp.MustCompile(`_LISTEN" default:"127\.0\.0\.1:(\d+)"`)

// freePort returns the first port from firstPort on that no service has by default.
func freePort(root workspace.Root) (int, error) {
	mains, err := filepath.Glob(root.Path("services", "*", "main.go"))
	if err != nil {
		return 0, err
	}
	port := firstPort
	for _, main := range mains {
		text, err := os.ReadFile(main)
		if err != nil {
			return 0, err
		}
		for _, match := range listenDefault.FindAllSubmatch(text, -1) {
			if taken, err := strconv.Atoi(string(match[1])); err == nil && taken >= port {
				port = taken + 1
			}
		}
	}
	return port, nil
}

// Type is the name of the resource's message: Note.
func (s *Service) Type() string { return title(s.Name) }

// PluralType is the plural in names of methods: Notes.
func (s *Service) PluralType() string { return title(s.Plural) }

// Env begins the names of the program's variables: NOTE.
func (s *Service) Env() string { return strings.ToUpper(s.Name) }

// A is the article of the name.
func (s *Service) A() string {
	if strings.ContainsAny(s.Name[:1], "aeiou") {
		return "an"
	}
	return "a"
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// Files are what Make makes: created are new, changed were there. Both are by their paths in the checkout, with slashes.
type Files struct{ created, changed map[string][]byte }

// Created returns the paths of the new files, in order.
func (f *Files) Created() []string { return slices.Sorted(maps.Keys(f.created)) }

// Changed returns the paths of the files that the service is entered in, in order.
func (f *Files) Changed() []string { return slices.Sorted(maps.Keys(f.changed)) }

// Make returns the files of the service, and writes nothing.
//
// Errors: a new file is there already; a file that the service is to be entered in is not as expected.
func (s *Service) Make(root workspace.Root) (*Files, error) {
	files := &Files{created: map[string][]byte{}}
	err := fs.WalkDir(templates, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := template.New(path.Base(name)).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var made bytes.Buffer
		if err := parsed.Execute(&made, s); err != nil {
			return err
		}
		target := strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".tmpl")
		target = strings.ReplaceAll(target, "NAME", s.Name)
		if _, err := os.Lstat(root.Path(filepath.FromSlash(target))); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already", target)
		}
		files.created[target] = made.Bytes()
		return nil
	})
	if err != nil {
		return nil, err
	}
	files.changed, err = s.register(root)
	if err != nil {
		return nil, err
	}
	return files, nil
}

// Write writes the files.
func (f *Files) Write(root workspace.Root) error {
	for _, files := range []map[string][]byte{f.created, f.changed} {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			file := root.Path(filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the checkout
				return err
			}
			if err := os.WriteFile(file, files[name], 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
