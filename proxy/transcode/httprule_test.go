package transcode

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	transcodetestv1 "github.com/codingflow/rating/proto/transcodetest/v1"
)

// minTableCases is how many cases of google.api.http the table has at least.
const minTableCases = 300

// TestHTTPRule runs the table of google.api.http in testdata/httprule. A file is a list of groups. Each cites what it shows,
// a sentence of google/api/http.proto or of the source that is named, declares methods from transcodetest.v1.Specimen to
// itself, and lists cases:
//
//	> The syntax `*` matches a single URL path segment.
//
//	rpc Star get: "/a/*/c"
//	GET /a/b/c
//	= Star
//	GET /a//c
//	! 404
//
// A case is one of
//
//	template TEMPLATE       = the template with its variables written out
//	rule HTTP_RULE          = its bindings
//	METHOD TARGET [BODY]    = the method called and its request; then, if asked for, ~ the answer, which is the request
//
// or, where it is refused, with ! and the error: for a request the HTTP status, and the field with what is wrong with it
// or the methods that are allowed. Lines that start with # are comments.
func TestHTTPRule(t *testing.T) {
	backend := newBackend(t)
	files, err := filepath.Glob(filepath.Join("testdata", "httprule", "*.txt"))
	require.NoError(t, err)
	total := 0
	for _, file := range files {
		for _, group := range readTable(t, file) {
			handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{group.service(t)})
			require.NoError(t, err, "%s:%d", file, group.line)
			seen := map[string]bool{}
			for _, c := range group.cases {
				t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), c.line), func(t *testing.T) {
					require.False(t, seen[c.input], "%s is there twice", c.input)
					seen[c.input] = true
					verb, rest, _ := strings.Cut(c.input, " ")
					switch verb {
					case "template":
						require.Equal(t, c.want, templateOutcome(rest), c.input)
					case "rule":
						require.Equal(t, c.want, ruleOutcome(t, backend, rest), c.input)
					default:
						c.request(t, backend, handler)
					}
				})
				total++
			}
		}
	}
	require.GreaterOrEqual(t, total, minTableCases)
}

// tableGroup is a citation with its methods and cases.
type tableGroup struct {
	line  int
	rpcs  []string // "Name rule"
	cases []tableCase
}

type tableCase struct {
	line   int
	input  string
	want   string // with its leading = or !
	answer string // the JSON, empty if it is not of interest
}

func readTable(t *testing.T, file string) []tableGroup {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var groups []tableGroup
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "> ") {
			groups = append(groups, tableGroup{line: i + 1})
			continue
		}
		require.NotEmpty(t, groups, "%s:%d: no citation yet", file, i+1)
		group := &groups[len(groups)-1]
		if rpc, ok := strings.CutPrefix(line, "rpc "); ok {
			group.rpcs = append(group.rpcs, rpc)
			continue
		}
		if !strings.Contains("=!~", line[:1]) {
			group.cases = append(group.cases, tableCase{line: i + 1, input: line})
			continue
		}
		require.NotEmpty(t, group.cases, "%s:%d: no case yet", file, i+1)
		last := &group.cases[len(group.cases)-1]
		if answer, ok := strings.CutPrefix(line, "~ "); ok {
			last.answer = answer
			continue
		}
		require.Empty(t, last.want, "%s:%d: a second outcome", file, i+1)
		last.want = line
	}
	return groups
}

// service returns the service test.v1.Table with the group's methods.
func (g tableGroup) service(t *testing.T) protoreflect.ServiceDescriptor {
	return tableService(t, g.rpcs...)
}

func tableService(t testing.TB, rpcs ...string) protoreflect.ServiceDescriptor {
	t.Helper()
	var methods strings.Builder
	for _, rpc := range rpcs {
		name, rule, _ := strings.Cut(rpc, " ")
		fmt.Fprintf(&methods, `method { name: %q input_type: ".transcodetest.v1.Specimen" output_type: ".transcodetest.v1.Specimen"
			options { [google.api.http] { %s } } }`, name, rule)
	}
	return newService(t, `name: "test/v1/table.proto" package: "test.v1" syntax: "proto3"
		dependency: ["transcodetest/v1/specimen.proto", "google/api/annotations.proto"]
		service { name: "Table" `+methods.String()+` }`)
}

func templateOutcome(text string) string {
	if text == `""` {
		text = ""
	}
	tmpl, err := parseTemplate(text)
	if err != nil {
		return "! " + err.Error()
	}
	return "= " + describe(tmpl)
}

func ruleOutcome(t *testing.T, backend *backend, rule string) string {
	t.Helper()
	handler, err := New(backend.conn, []protoreflect.ServiceDescriptor{tableService(t, "Rule "+rule)})
	if err != nil {
		return "! " + strings.TrimPrefix(err.Error(), "transcode: test.v1.Table.Rule: ")
	}
	var bindings []string
	for _, b := range handler.Bindings() {
		text := b.String()
		for i, v := range b.Variables {
			if i == 0 {
				text += " path"
			}
			text += " " + v.String()
		}
		if b.BodyAll {
			text += " body *"
		}
		for _, part := range []struct {
			name  string
			field protoreflect.FieldDescriptor
		}{{"body", b.BodyField}, {"response", b.ResponseField}, {"mask", b.Mask}} {
			if part.field != nil {
				text += fmt.Sprintf(" %s %s", part.name, part.field.Name())
			}
		}
		bindings = append(bindings, text)
	}
	return "= " + strings.Join(bindings, "; ")
}

// request serves the case's request and compares what came of it.
func (c tableCase) request(t *testing.T, backend *backend, handler *Handler) {
	t.Helper()
	method, rest, _ := strings.Cut(c.input, " ")
	target, body, _ := strings.Cut(rest, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	backend.answer(func(_ context.Context, request []byte) ([]byte, error) {
		if c.answer == "" {
			return nil, nil // not every request has a JSON form: the mask `*` has none
		}
		return request, nil
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if want, ok := strings.CutPrefix(c.want, "= "); ok {
		require.Equal(t, 200, w.Code, "%s\n%s", c.input, w.Body)
		rpc, text, _ := strings.Cut(want, " ")
		called, wire := backend.last()
		require.Equal(t, "/test.v1.Table/"+rpc, called, c.input)
		wanted := &transcodetestv1.Specimen{}
		require.NoError(t, prototext.Unmarshal([]byte(text), wanted), c.want)
		got := &transcodetestv1.Specimen{}
		require.NoError(t, proto.Unmarshal(wire, got))
		require.Empty(t, cmp.Diff(wanted, got, protocmp.Transform(), cmpopts.EquateNaNs()), c.input)
		if c.answer != "" {
			require.Equal(t, c.answer, w.Body.String(), c.input)
		}
		return
	}
	require.Equal(t, c.want, refusal(t, w), c.input)
}

// refusal writes an answer other than 200 as the table does.
func refusal(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	outcome := "! " + strconv.Itoa(w.Code)
	if allow := w.Header().Get("Allow"); allow != "" {
		return outcome + " " + allow
	}
	if w.Code != 400 {
		return outcome
	}
	var answer struct {
		Error struct {
			Message string
			Details []struct {
				FieldViolations []struct{ Field, Description string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body)
	for _, detail := range answer.Error.Details {
		for _, violation := range detail.FieldViolations {
			return fmt.Sprintf("%s %s: %s", outcome, violation.Field, violation.Description)
		}
	}
	return outcome + " (no field) " + answer.Error.Message
}

// last returns the method that was called last, and its request.
func (b *backend) last() (method string, request []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.method, b.request
}
