package scaffold

import (
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codingflow/rating/tools/dev/workspace"
)

// An entry is what a service has in a file that others are in, too. It is put beside that of the rating service.
type entry struct {
	file string
	// lines are what is put in; NAME and ENV stand for the name, and for the one that its variables begin with.
	lines string
	// before, or after, is the text that they are put before or after. The file has it once.
	before, after string
	// sorted has the lines about the place sorted that begin as these do, up to the name.
	sorted bool
}

var entries = []entry{
	{file: "tools/dev/cluster/programs.go", lines: "\t{\"NAME\", \"NAME.v1\"},\n", after: "\t{\"rating\", \"rating.v1\"},\n", sorted: true},
	{file: "tools/dev/cluster/protos_test.go", lines: "\t_ \"github.com/codingflow/rating/proto/NAME/v1\"\n", before: "\t_ \"github.com/codingflow/rating/proto/rating/v1\"\n", sorted: true},
	{file: "tools/dev/cluster/BUILD.bazel", lines: "        \"//proto/NAME/v1:NAME\",\n", before: "        \"//proto/rating/v1:rating\",\n", sorted: true},
	{file: "k8s/BUILD.bazel", lines: "    \"NAME\": \"//services/NAME:image\",\n", before: "    \"rating\": \"//services/rating:image\",\n"},
	{file: "k8s/golden_test.go", lines: ", \"NAME\"", after: "[]string{\"proxy\", \"rating\", \"web\""},
	{file: "k8s/validate/policy_container.go", lines: ", \"NAME\"", after: "ours = []string{\"proxy\", \"rating\", \"web\""},
	{file: "k8s/validate/policy_container.go", lines: ", \"NAME\"", after: "slowStart = []string{\"nats\", \"postgres\", \"proxy\", \"rating\""},
	{
		file:  "k8s/validate/policy_shutdown.go",
		lines: "\t\"NAME\": {timeout: setting{\"ENV_DRAIN_TIMEOUT\", 25 * time.Second}},\n",
		after: "\t\"rating\": {timeout: setting{\"RATING_DRAIN_TIMEOUT\", 25 * time.Second}},\n",
	},
	{file: "k8s/validate/validate_test.go", lines: ", \"../../services/NAME/main.go\"", after: "\"../../proxy/main.go\", \"../../services/rating/main.go\""},
	{file: "k8s/base/kustomization.yaml", lines: "  - NAME\n", after: "  - rating\n"},
	{file: "k8s/base/network/kustomization.yaml", lines: "  - NAME.yaml\n", after: "  - rating.yaml\n"},
	{file: "k8s/base/network/nats.yaml", after: `        - podSelector:
            matchLabels:
              app.kubernetes.io/name: rating
`, lines: `        - podSelector:
            matchLabels:
              app.kubernetes.io/name: NAME
`},
	{file: "k8s/base/nats/statefulset.yaml", before: "            - name: NACK_NKEY\n", lines: `            - name: ENV_NKEY
              valueFrom:
                secretKeyRef:
                  name: nats-NAME
                  key: public
`},
}

// register returns the files that the service is to be entered in, with its entries.
//
// Errors: a file is not as expected, or has the entry.
func (s *Service) register(root workspace.Root) (map[string][]byte, error) {
	changed := map[string][]byte{}
	for _, e := range entries {
		data, ok := changed[e.file]
		if !ok {
			var err error
			if data, err = os.ReadFile(root.Path(filepath.FromSlash(e.file))); err != nil {
				return nil, err
			}
		}
		text, err := e.enter(string(data), s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.file, err)
		}
		changed[e.file] = []byte(text)
	}
	for file, text := range changed {
		if filepath.Ext(file) != ".go" {
			continue
		}
		formatted, err := format.Source(text) // a long name moves its neighbours
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		changed[file] = formatted
	}
	return changed, nil
}

// enter returns a file's text with the entry of a service.
func (e entry) enter(text string, s *Service) (string, error) {
	lines := strings.NewReplacer("NAME", s.Name, "ENV", s.Env()).Replace(e.lines)
	place := e.before + e.after
	if count := strings.Count(text, place); count != 1 {
		return "", fmt.Errorf("cannot enter %s: %q is there %d times, not once", s.Name, strings.TrimSpace(place), count)
	}
	at := strings.Index(text, place) + len(e.after)
	where := text
	if !strings.HasSuffix(lines, "\n") { // part of a line, as which other lines may have it, too
		where, _, _ = strings.Cut(text[at:], "\n")
	}
	if strings.Contains(where, lines) {
		return "", fmt.Errorf("%s is entered already: %q", s.Name, strings.TrimSpace(lines))
	}
	before, after := text[:at], text[at:]
	if !e.sorted {
		return before + lines + after, nil
	}
	beginning, _, _ := strings.Cut(e.lines, "NAME")
	block := []string{lines}
	for line, ok := lastLine(before); ok && strings.HasPrefix(line, beginning); line, ok = lastLine(before) {
		block, before = append(block, line), strings.TrimSuffix(before, line)
	}
	for line, rest, ok := strings.Cut(after, "\n"); ok && strings.HasPrefix(line, beginning); line, rest, ok = strings.Cut(after, "\n") {
		block, after = append(block, line+"\n"), rest
	}
	slices.Sort(block)
	return before + strings.Join(block, "") + after, nil
}

// lastLine returns the last line of a text, with its end.
func lastLine(text string) (string, bool) {
	text, ok := strings.CutSuffix(text, "\n")
	return text[strings.LastIndex(text, "\n")+1:] + "\n", ok
}
