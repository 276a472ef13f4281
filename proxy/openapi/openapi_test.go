package openapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/codingflow/rating/proto/comments"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
	"github.com/codingflow/rating/proxy/transcode"
)

var update = flag.Bool("update", false, "write the golden files")

// ratingAPI is the API of rating.v1 with its comments, as the proxy has it.
func ratingAPI(t testing.TB) *API {
	t.Helper()
	return newAPI(t, ratingBindings(t), Config{Title: "Rating", Prefix: "/api"})
}

func ratingBindings(t testing.TB) []*transcode.Binding {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range []protoreflect.FileDescriptor{
		ratingv1.File_rating_v1_user_proto, ratingv1.File_rating_v1_service_proto, ratingv1.File_rating_v1_rating_proto,
	} {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	require.NoError(t, comments.Add(set))
	return bindingsOf(t, set)
}

// thingsAPI is the API of testdata/things.txtpb.
func thingsAPI(t testing.TB) *API {
	t.Helper()
	return newAPI(t, thingsBindings(t), Config{
		Description: "Everything that a document can say.",
		Headers: []Header{
			{Name: "Request-Timeout", Description: "Seconds."},
			{Name: "Idempotency-Key", Description: "A key.", Applies: func(b *transcode.Binding) bool { return b.HTTPMethod != http.MethodGet }},
		},
		Accepts: func(b *transcode.Binding) bool { return b.Method.Name() == "Shelve" },
		Security: &Security{
			Discovery: "https://issuer.example/.well-known/openid-configuration",
			Access: func(b *transcode.Binding) Access {
				if b.Method.Name() == "Shelve" {
					return Access{Scopes: []string{"shelves", "things"}}
				}
				return Access{Optional: true}
			},
		},
	})
}

func thingsBindings(t testing.TB) []*transcode.Binding {
	t.Helper()
	data, err := os.ReadFile("testdata/things.txtpb")
	require.NoError(t, err)
	set := &descriptorpb.FileDescriptorSet{}
	require.NoError(t, prototext.Unmarshal(data, set))
	return bindingsOf(t, set)
}

// bindingsOf returns the bindings of all services in a set, whose imports are linked in.
func bindingsOf(t testing.TB, set *descriptorpb.FileDescriptorSet) []*transcode.Binding {
	t.Helper()
	var all []*transcode.Binding
	for _, file := range set.GetFile() {
		built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		require.NoError(t, err)
		for i := range built.Services().Len() {
			methods := built.Services().Get(i).Methods()
			for j := range methods.Len() {
				bindings, err := transcode.Bindings(methods.Get(j))
				require.NoError(t, err)
				all = append(all, bindings...)
			}
		}
	}
	return all
}

func newAPI(t testing.TB, bindings []*transcode.Binding, config Config) *API {
	t.Helper()
	api, err := New(bindings, config)
	require.NoError(t, err)
	return api
}

// get asks a handler for a path.
func get(handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// documentOf returns the bytes of an API's document.
func documentOf(t testing.TB, api *API) []byte {
	t.Helper()
	w := get(api.Document(), "/openapi.json")
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.Bytes()
}

func TestDocumentsAreTheGoldenOnes(t *testing.T) {
	for name, make := range map[string]func(testing.TB) *API{"rating": ratingAPI, "things": thingsAPI} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name+".openapi.json")
			document := documentOf(t, make(t))
			require.Equal(t, document, documentOf(t, make(t)), "the same bindings make the same bytes")
			var got bytes.Buffer
			require.NoError(t, json.Indent(&got, document, "", "  "))
			got.WriteByte('\n')
			if *update {
				require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String(), "to accept it: go test ./proxy/openapi -update")
		})
	}
}
