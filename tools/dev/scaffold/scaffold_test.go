package scaffold

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// inGo are the files in Go that a service is entered in.
var inGo = map[string]string{
	"tools/dev/cluster/programs.go":    "package p\n\nvar programs = []program{\n\t{\"rating\", \"rating.v1\"},\n}\n",
	"tools/dev/cluster/protos_test.go": "package p\n\nimport (\n\t_ \"github.com/codingflow/rating/proto/rating/v1\"\n)\n",
	"k8s/golden_test.go":               "package p\n\nvar names = []string{\"proxy\", \"rating\", \"web\"}\n",
	"k8s/validate/policy_container.go": "package p\n\nvar ours = []string{\"proxy\", \"rating\", \"web\"}\n\n" +
		"var slowStart = []string{\"nats\", \"postgres\", \"proxy\", \"rating\"}\n",
	"k8s/validate/policy_shutdown.go": "package p\n\nvar programs = map[string]program{\n" +
		"\t\"rating\": {timeout: setting{\"RATING_DRAIN_TIMEOUT\", 25 * time.Second}},\n}\n",
	"k8s/validate/validate_test.go": "package p\n\nvar mains = []string{\"../../proxy/main.go\", \"../../services/rating/main.go\"}\n",
}

// checkout returns a folder with what a service is entered in, as far as that matters.
func checkout(t *testing.T) workspace.Root {
	t.Helper()
	root := workspace.Root(t.TempDir())
	for _, e := range entries {
		if text, ok := inGo[e.file]; ok {
			write(t, root, e.file, text)
			continue
		}
		write(t, root, e.file, "first\n"+e.before+e.after+"last\n")
	}
	write(t, root, "proto/rating/v1/user.proto", `option (google.api.http) = {get: "/{name=users/*}"};`)
	write(t, root, "services/rating/main.go", "`env:\"RATING_LISTEN\" default:\"127.0.0.1:8081\"`")
	return root
}

func write(t *testing.T, root workspace.Root, name, text string) {
	t.Helper()
	file := root.Path(filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

func read(t *testing.T, root workspace.Root, name string) string {
	t.Helper()
	text, err := os.ReadFile(root.Path(filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

// makeService writes a service.
func makeService(t *testing.T, root workspace.Root, name string) *Files {
	t.Helper()
	service, err := New(root, name, "")
	require.NoError(t, err)
	files, err := service.Make(root)
	require.NoError(t, err)
	require.NoError(t, files.Write(root))
	return files
}

func TestNamesThatCannotBeUsed(t *testing.T) {
	root := checkout(t)
	write(t, root, "k8s/components/tls/kustomization.yaml", "")
	for _, test := range []struct{ name, plural, want string }{
		{"", "", `NAME: "" is not a lower-case letter and then lower-case letters and digits`},
		{"Note", "", `NAME: "Note" is not a lower-case letter and then lower-case letters and digits`},
		{"my-note", "", `NAME: "my-note" is not a lower-case letter and then lower-case letters and digits`},
		{"../note", "", `NAME: "../note" is not a lower-case letter and then lower-case letters and digits`},
		{"1note", "", `NAME: "1note" is not a lower-case letter and then lower-case letters and digits`},
		{strings.Repeat("n", 31), "", `NAME: "` + strings.Repeat("n", 31) + `" has 31 characters, may have 30`},
		{"func", "", `NAME: "func" is a word of Go`},
		{"string", "", `NAME: "string" is a word of Go`},
		{"nats", "", `NAME: "nats" is taken: it means something else here`},
		{"rating", "", `NAME: "rating" is taken: there is proto/rating`},
		{"tls", "", `NAME: "tls" is taken: there is k8s/components/tls`},
		{"user", "", `--plural: "users" is taken: proto/rating/v1/user.proto has paths that begin with /users`},
		{"person", "People", `--plural: "People" is not a lower-case letter and then lower-case letters and digits`},
		{"sheep", "sheep", `--plural: "sheep" is the name itself; lists need another`},
		{"request", "", `--plural: "requests" is taken: it is a table of every service`},
	} {
		_, err := New(root, test.name, test.plural)
		require.EqualError(t, err, test.want)
	}
}

func TestWhatIsDerivedFromTheName(t *testing.T) {
	root := checkout(t)
	for _, test := range []struct{ name, plural, typ, pluralType, env, article string }{
		{"note", "notes", "Note", "Notes", "NOTE", "a"},
		{"album", "albums", "Album", "Albums", "ALBUM", "an"},
		{"policy", "policies", "Policy", "Policies", "POLICY", "a"},
		{"day", "days", "Day", "Days", "DAY", "a"},
		{"box", "boxes", "Box", "Boxes", "BOX", "a"},
		{"branch", "branches", "Branch", "Branches", "BRANCH", "a"},
		{"v2", "v2s", "V2", "V2s", "V2", "a"},
	} {
		s, err := New(root, test.name, "")
		require.NoError(t, err)
		require.Equal(t, []string{test.plural, test.typ, test.pluralType, test.env, test.article},
			[]string{s.Plural, s.Type(), s.PluralType(), s.Env(), s.A()})
	}
	s, err := New(root, "person", "people")
	require.NoError(t, err)
	require.Equal(t, "people", s.Plural)
}

func TestEachServiceGetsAPortOfItsOwn(t *testing.T) {
	root := checkout(t)
	makeService(t, root, "note")
	require.Contains(t, read(t, root, "services/note/main.go"), `default:"127.0.0.1:8090"`)
	makeService(t, root, "album")
	require.Contains(t, read(t, root, "services/album/main.go"), `default:"127.0.0.1:8091"`)
}

func TestItIsEnteredBesideTheOthersInOrder(t *testing.T) {
	root := checkout(t)
	for _, name := range []string{"note", "zebra", "album"} {
		makeService(t, root, name)
	}
	require.Equal(t, `package p

import (
	_ "github.com/codingflow/rating/proto/album/v1"
	_ "github.com/codingflow/rating/proto/note/v1"
	_ "github.com/codingflow/rating/proto/rating/v1"
	_ "github.com/codingflow/rating/proto/zebra/v1"
)
`, read(t, root, "tools/dev/cluster/protos_test.go"))
	require.Equal(t, `package p

var programs = []program{
	{"album", "album.v1"},
	{"note", "note.v1"},
	{"rating", "rating.v1"},
	{"zebra", "zebra.v1"},
}
`, read(t, root, "tools/dev/cluster/programs.go"))
	require.Equal(t, `package p

var ours = []string{"proxy", "rating", "web", "album", "zebra", "note"}

var slowStart = []string{"nats", "postgres", "proxy", "rating", "album", "zebra", "note"}
`, read(t, root, "k8s/validate/policy_container.go"))
	makeService(t, root, "appointment")
	require.Contains(t, read(t, root, "k8s/validate/policy_shutdown.go"), `
	"rating":      {timeout: setting{"RATING_DRAIN_TIMEOUT", 25 * time.Second}},
	"appointment": {timeout: setting{"APPOINTMENT_DRAIN_TIMEOUT", 25 * time.Second}},
	"album":       {`)
	require.Contains(t, read(t, root, "k8s/base/nats/statefulset.yaml"), `            - name: APPOINTMENT_NKEY
              valueFrom:
                secretKeyRef:
                  name: nats-appointment
                  key: public
            - name: NACK_NKEY
`)
}

func TestNothingIsOverwritten(t *testing.T) {
	root := checkout(t)
	files := makeService(t, root, "note")
	require.Contains(t, files.Created(), "services/note/main.go")
	require.Contains(t, files.Changed(), "k8s/base/kustomization.yaml")
	_, err := New(root, "note", "")
	require.EqualError(t, err, `NAME: "note" is taken: there is proto/note`)

	service, err := New(root, "album", "")
	require.NoError(t, err)
	write(t, root, "k8s/base/network/album.yaml", "mine")
	_, err = service.Make(root)
	require.EqualError(t, err, "k8s/base/network/album.yaml is there already")
	require.NoDirExists(t, root.Path("services", "album"))
}

func TestAFileThatIsNotAsExpectedIsLeftAlone(t *testing.T) {
	root := checkout(t)
	service, err := New(root, "note", "")
	require.NoError(t, err)
	for _, test := range []struct{ text, want string }{
		{"resources: []\n", `k8s/base/kustomization.yaml: cannot enter note: "- rating" is there 0 times, not once`},
		{"  - rating\n  - rating\n", `k8s/base/kustomization.yaml: cannot enter note: "- rating" is there 2 times, not once`},
		{"  - rating\n  - note\n", `k8s/base/kustomization.yaml: note is entered already: "- note"`},
	} {
		write(t, root, "k8s/base/kustomization.yaml", test.text)
		_, err := service.Make(root)
		require.EqualError(t, err, test.want)
	}
	require.NoError(t, os.Remove(root.Path("k8s", "base", "kustomization.yaml")))
	_, err = service.Make(root)
	require.ErrorIs(t, err, os.ErrNotExist)

	write(t, root, "k8s/base/kustomization.yaml", "  - rating\n")
	write(t, root, "k8s/golden_test.go", `[]string{"proxy", "rating", "web", "note"}`)
	_, err = service.Make(root)
	require.EqualError(t, err, `k8s/golden_test.go: note is entered already: ", \"note\""`)
}

func TestTheGoThatItMakesIsFormatted(t *testing.T) {
	root := checkout(t)
	for _, name := range []string{"note", "album", "zebra", "v2"} {
		files := makeService(t, root, name)
		for _, file := range files.Created() {
			text := read(t, root, file)
			require.NotContains(t, text, "NAME", file)
			require.NotContains(t, text, "{{", file)
			if filepath.Ext(file) == ".go" {
				formatted, err := format.Source([]byte(text))
				require.NoError(t, err, file)
				require.Equal(t, string(formatted), text, file)
			}
		}
	}
}
