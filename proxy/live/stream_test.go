package live_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/proxy/transcode"
)

// describeWatch returns a film service with a stream Watch at GET /film/{name}/<path>, whose Things have these fields beside a name.
func describeWatch(t testing.TB, path string, fields ...string) protoreflect.FileDescriptor {
	t.Helper()
	file := protodesc.ToFileDescriptorProto(describe(t, "film", "Get", "Watch"))
	watch := file.GetService()[0].GetMethod()[1]
	watch.ServerStreaming = proto.Bool(true)
	proto.SetExtension(watch.GetOptions(), annotations.E_Http, &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: "/film/{name}/" + path}})
	thing := file.GetMessageType()[0]
	for i, name := range fields {
		field := proto.CloneOf(thing.GetField()[0])
		field.Name, field.JsonName, field.Number = &name, &name, proto.Int32(int32(i+2))
		thing.Field = append(thing.Field, field)
	}
	built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return built
}

// watches are the streams of a service, each as what it is to say. Closing one ends the stream.
type watches chan chan<- string

// handler says what a stream is told to, as the name of a message, whose other fields are x.
func (w watches) handler(message protoreflect.MessageDescriptor) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		thing := dynamicpb.NewMessage(message)
		if err := stream.RecvMsg(thing); err != nil {
			return err
		}
		say := make(chan string)
		select {
		case w <- say:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
		for {
			var text string
			var more bool
			select {
			case text, more = <-say:
			case <-stream.Context().Done():
				return stream.Context().Err()
			}
			if !more {
				return nil
			}
			for i := range message.Fields().Len() {
				thing.Set(message.Fields().Get(i), protoreflect.ValueOfString("x"))
			}
			thing.Set(message.Fields().ByName("name"), protoreflect.ValueOfString(text))
			if err := stream.SendMsg(thing); err != nil {
				return err
			}
		}
	}
}

// watching is a stream from both ends.
type watching struct {
	say chan<- string
	// next returns the next message, "" at the end.
	next func() string
}

// hear has the stream say something, and checks what comes of it.
func (w *watching) hear(t *testing.T, text, want string) {
	t.Helper()
	select {
	case w.say <- text:
	case <-time.After(soon):
		t.Fatal("the stream says nothing")
	}
	require.Equal(t, want, w.next())
}

// A stream that is open while routes change goes on as it began until it ends: with its route, though that is gone, and its
// codec. Calls that begin meanwhile get what is new. When the last stream has ended, nothing of the old routes is left.
func TestAStreamOutlivesItsRoute(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	p := follow(t, natsgrpctest.Connect(t, ns))
	v1, v2 := describeWatch(t, "watch"), describeWatch(t, "follow", "title")
	thing := v2.Messages().Get(0) // which the old instance knows already, unlike its routes
	opened := make(watches)
	worker, stop1 := beginWith(t, natsgrpctest.Connect(t, ns), v1, opened.handler(thing))
	<-worker.Ready()
	p.await(t, 2)
	old := weak.Make(p.API())

	begun := func(next func() string) *watching {
		return &watching{natsgrpctest.Await(t, soon, "the stream", opened), next}
	}
	lines := func(client *http.Client, path string) *watching {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.address+"/api"+path, nil)
		require.NoError(t, err)
		request.Header.Set("Accept", "application/x-ndjson")
		read := make(chan string, 16) // more than a stream says
		go func() {
			defer close(read)
			response, err := client.Do(request) // which returns with the first message
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			defer response.Body.Close()
			body := bufio.NewScanner(response.Body)
			for body.Scan() {
				read <- body.Text() + "\n"
			}
			if body.Err() != nil || response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s: %v", path, response.Status, body.Err())
			}
		}()
		return begun(func() string { return natsgrpctest.Await(t, soon, "a message", read) })
	}
	client, err := grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	overGRPC := func() *watching {
		watch, err := client.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/film.v1.Service/Watch")
		require.NoError(t, err)
		require.NoError(t, watch.SendMsg(dynamicpb.NewMessage(thing)))
		require.NoError(t, watch.CloseSend())
		return begun(func() string {
			got := dynamicpb.NewMessage(thing)
			if err := watch.RecvMsg(got); err != nil {
				require.Equal(t, io.EOF, err)
				return ""
			}
			return fmt.Sprintf("{%q:%q}\n", "name", got.Get(thing.Fields().ByName("name")).String())
		})
	}
	streams := []*watching{lines(p.h1, "/film/a/watch"), lines(p.h2, "/film/b/watch"), overGRPC()}
	hear := func(text string) {
		t.Helper()
		for _, s := range streams {
			s.hear(t, text, fmt.Sprintf("{%q:%q}\n", "name", text))
		}
	}
	hear("before")

	worker, _ = beginWith(t, natsgrpctest.Connect(t, ns), v2, opened.handler(thing))
	<-worker.Ready()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(p.API().Bindings(), func(b *transcode.Binding) bool { return b.Template == "/film/{name}/follow" })
	}, soon, time.Millisecond, "the new instance says where the stream is")
	code, _ := p.get(t, p.h1, "/film/c/watch")
	require.Equal(t, http.StatusNotFound, code)
	hear("with both")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		stop1() // waits for the streams
	}()
	code, body := p.get(t, p.h2, "/film/c/get")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, `{"name":"Get c","title":""}`, body)
	fresh := lines(p.h1, "/film/c/follow")
	fresh.hear(t, "new", `{"name":"new","title":"x"}`+"\n")
	hear("after")
	runtime.GC()
	require.NotNil(t, old.Value(), "the streams have it")

	for _, s := range streams {
		close(s.say)
		require.Empty(t, s.next())
	}
	natsgrpctest.Await(t, soon, "the end of the old instance", drained)
	fresh.hear(t, "newer", `{"name":"newer","title":"x"}`+"\n")
	require.NoError(t, client.Close())
	p.h1.CloseIdleConnections()
	p.h2.CloseIdleConnections()
	require.Eventually(t, func() bool {
		runtime.GC()
		return old.Value() == nil
	}, soon, 10*time.Millisecond, "the old routes are kept")
	close(fresh.say)
	require.Empty(t, fresh.next())
}
