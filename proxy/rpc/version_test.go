package rpc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	pb "github.com/codingflow/rating/proto/natsgrpctest/v1"
	"github.com/codingflow/rating/proxy/grpctest"
	"github.com/codingflow/rating/proxy/rpc"
)

// A method that only another version of a service has is served beside those of the first.
func TestVersionsOfAService(t *testing.T) {
	older := protodesc.ToFileDescriptorProto(pb.File_natsgrpctest_v1_echo_proto)
	older.GetService()[0].Method = append(older.GetService()[0].Method, proto.CloneOf(older.GetService()[0].GetMethod()[0]))
	older.GetService()[0].GetMethod()[0].Name = proto.String("Old")
	file, err := protodesc.NewFile(older, protoregistry.GlobalFiles)
	require.NoError(t, err)
	conn := grpctest.Serve(t, func(server grpc.ServiceRegistrar) { pb.RegisterEchoServiceServer(server, &natsgrpctest.Echo{}) })
	handler, err := rpc.New(conn, append(services(), file.Services().ByName("EchoService")))
	require.NoError(t, err)
	for method, want := range map[string]string{
		"Old":  `{"code":"unimplemented","message":"unknown method Old for service natsgrpctest.v1.EchoService"}`, // the server's word
		"None": `{"code":"unimplemented","message":"there is no such method"}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/natsgrpctest.v1.EchoService/"+method, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, want, strings.TrimSpace(w.Body.String()))
	}
}
