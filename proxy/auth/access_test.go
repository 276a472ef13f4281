package auth_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	authv1 "github.com/codingflow/rating/proto/auth/v1"
	"github.com/codingflow/rating/proxy/auth"
	"github.com/codingflow/rating/proxy/auth/authtest"
)

// method returns a method with an access option, and one of its service, in the text format; "" is none.
func method(t testing.TB, service, method string) protoreflect.MethodDescriptor {
	t.Helper()
	return build(t, file(t, service, method))
}

func file(t testing.TB, service, method string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	option := func(name, value string) string {
		if value == "" {
			return ""
		}
		return "options { [auth.v1." + name + "] {" + strings.Trim(value, "-") + "} }"
	}
	parsed := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(`
		name: "test.proto" package: "test" syntax: "proto3"
		message_type { name: "Empty" }
		service { name: "Service" `+option("service", service)+`
			method { name: "Method" input_type: ".test.Empty" output_type: ".test.Empty" `+option("method", method)+` }
		}`), parsed))
	return parsed
}

func build(t testing.TB, file *descriptorpb.FileDescriptorProto) protoreflect.MethodDescriptor {
	t.Helper()
	built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return built.Services().Get(0).Methods().Get(0)
}

// resolvers are how the options of a descriptor may have been read.
var resolvers = map[string]func(testing.TB, *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto{
	"linked in": func(_ testing.TB, file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
		return file
	},
	"unknown": reread(&protoregistry.Types{}),
	"dynamic": reread(dynamicpb.NewTypes(protoregistry.GlobalFiles)),
}

func reread(types interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}) func(testing.TB, *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	return func(t testing.TB, file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
		t.Helper()
		data, err := proto.Marshal(file)
		require.NoError(t, err)
		again := &descriptorpb.FileDescriptorProto{}
		require.NoError(t, proto.UnmarshalOptions{Resolver: types}.Unmarshal(data, again))
		return again
	}
}

func TestMethodsSayWhatTheyNeed(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider)
	const none, missing, scope = "", "TOKEN_MISSING", "SCOPE_MISSING"
	tests := []struct {
		service, method              string
		anonymous, plain, read, both string // what those callers are refused for
	}{
		{"", "", missing, none, none, none},
		{"", "allow_unauthenticated: true", none, none, none, none},
		{"allow_unauthenticated: true", "", none, none, none, none},
		{"allow_unauthenticated: true", "-", missing, none, none, none},
		{"allow_unauthenticated: true", "allow_unauthenticated: false", missing, none, none, none},
		{"", `required_scopes: "read"`, missing, scope, none, none},
		{`required_scopes: "read"`, "", missing, scope, none, none},
		{`required_scopes: "read"`, `required_scopes: "write"`, missing, scope, scope, none},
		{`required_scopes: "read"`, `required_scopes: ["write", "read"]`, missing, scope, scope, none},
		{`required_scopes: "read"`, "allow_unauthenticated: true", none, none, none, none},
		{`required_scopes: "read"`, "-", missing, none, none, none},
		{"", `allow_unauthenticated: true required_scopes: "read"`, missing, scope, none, none},
	}
	for name, reread := range resolvers {
		for i, test := range tests {
			t.Run(name+" "+strconv.Itoa(i), func(t *testing.T) {
				m := build(t, reread(t, file(t, test.service, test.method)))
				require.Equal(t, test.anonymous, authorizeMethod(t, a, m, nil).reason(t), "anonymous")
				require.Equal(t, test.anonymous, authorizeMethod(t, a, m, http.Header{"Authorization": {"Basic YTpi"}}).reason(t), "Basic")
				require.Equal(t, test.plain, authorizeMethod(t, a, m, bearer(provider.Token(nil))).reason(t), "no scope")
				read := bearer(provider.Token(map[string]any{"scope": "openid read"}))
				require.Equal(t, test.read, authorizeMethod(t, a, m, read).reason(t), "read")
				for _, scopes := range []map[string]any{
					{"scope": "read  write"}, {"scope": []string{"write", "read"}}, {"scp": []string{"read", "write"}}, {"scp": "write read"},
					{"scope": "write read", "scp": ""},
				} {
					require.Equal(t, test.both, authorizeMethod(t, a, m, bearer(provider.Token(scopes))).reason(t), "%v", scopes)
				}
				wrong := bearer(provider.Token(map[string]any{"exp": 1}))
				require.Equal(t, "TOKEN_EXPIRED", authorizeMethod(t, a, m, wrong).reason(t), "a wrong token is refused everywhere")
			})
		}
	}
}

func TestWhatAMethodNeedsCanBeTold(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider)
	for _, test := range []struct {
		service, method string
		want            auth.Access
	}{
		{"", "", auth.Access{}},
		{"allow_unauthenticated: true", "", auth.Access{Optional: true}},
		{`required_scopes: "read"`, "", auth.Access{Scopes: []string{"read"}}},
		{`required_scopes: "read"`, `required_scopes: ["write", "read"]`, auth.Access{Scopes: []string{"write", "read"}}},
		{"", `allow_unauthenticated: true required_scopes: "read"`, auth.Access{Scopes: []string{"read"}}},
	} {
		access, err := a.Access(method(t, test.service, test.method))
		require.NoError(t, err)
		require.Equal(t, test.want, access)
	}
	require.True(t, a.Checks())
	require.Equal(t, provider.Issuer+"/.well-known/openid-configuration", a.Discovery())
	elsewhere, _ := authenticator(t, provider, auth.WithKeys(provider.Issuer+"/keys"))
	require.Empty(t, elsewhere.Discovery())
	unchecked := auth.NewUnchecked()
	require.False(t, unchecked.Checks())
	require.Empty(t, unchecked.Discovery())
}

func TestChallengesNameTheScopes(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider)
	m := method(t, "", `required_scopes: ["read", "we\"ird\\\n\u00e9"]`)
	const scopes = `scope="read we\"ird\\"`
	require.Equal(t, refused{codes.Unauthenticated, "TOKEN_MISSING", "the method needs a bearer token", `Bearer realm="api", ` + scopes},
		refusedOf(t, authorizeMethod(t, a, m, nil).err))
	require.Equal(t, refused{
		codes.PermissionDenied, "SCOPE_MISSING", "the token lacks a scope that the method needs",
		`Bearer realm="api", error="insufficient_scope", error_description="the token lacks a scope that the method needs", ` + scopes,
	}, refusedOf(t, authorizeMethod(t, a, m, bearer(provider.Token(map[string]any{"scope": "read"}))).err))
	require.Equal(t, `Bearer realm="api", error="invalid_token", error_description="the token has expired"`,
		refusedOf(t, authorizeMethod(t, a, m, bearer(provider.Token(map[string]any{"exp": 1}))).err).challenge,
		"a wrong token is not wrong for its scopes")
}

// Nobody gets in when what a method needs cannot be read.
func TestOptionsThatCannotBeReadRefuseEverybody(t *testing.T) {
	provider := authtest.NewProvider(t)
	a, _ := authenticator(t, provider)
	f := file(t, "", "")
	options := &descriptorpb.MethodOptions{}
	// Field 51821 with a message that ends early.
	options.ProtoReflect().SetUnknown([]byte{0xea, 0xa6, 0x19, 0x02, 0x12, 0x05})
	require.Equal(t, protoreflect.FieldNumber(51821), authv1.E_Method.TypeDescriptor().Number())
	f.Service[0].Method[0].Options = options
	m := build(t, f)
	for _, header := range []http.Header{nil, bearer(provider.Token(nil))} {
		_, _, err := a.Authorize(t.Context(), m, header)
		require.ErrorContains(t, err, "auth: options of test.Service.Method: ")
	}
}
