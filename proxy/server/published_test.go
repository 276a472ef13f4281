package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

const unknownFilms = `{"error":{"code":501,"message":"unknown service film.v1.Service","status":"UNIMPLEMENTED"}}`

func films(t testing.TB, routes ...string) protoreflect.ServiceDescriptor {
	return service(t, "film", routes...)
}

func publishedFilms(versions ...Version) []Published {
	return []Published{{Name: "film.v1.Service", Versions: versions}}
}

// Routes, the protocols of gRPC, the document and reflection follow what is published.
func TestUpdatesAddReplaceAndRemoveRoutes(t *testing.T) {
	server := newServer(t, &users{}, Config{})
	etag := func() string { return do(server, "GET", "/openapi.json").Header().Get("ETag") }
	before := etag()
	require.Equal(t, 404, do(server, "GET", "/api/films").Code)

	server.Update(publishedFilms(version(1, films(t, "Get /films"))))
	require.Equal(t, unknownFilms, do(server, "GET", "/api/films").Body.String(), "it is routed to a service that is not there")
	require.Equal(t, 501, do(server, "POST", "/film.v1.Service/Get", "Content-Type: application/proto").Code)
	require.Equal(t, 200, do(server, "GET", "/api/users").Code)
	require.Contains(t, do(server, "GET", "/openapi.json").Body.String(), `"/films"`)
	first := etag()
	require.NotEqual(t, before, first)

	server.Update(publishedFilms(version(2, films(t, "List /films/all")), version(1, films(t, "Get /films"))))
	require.Equal(t, unknownFilms, do(server, "GET", "/api/films").Body.String())
	require.Equal(t, unknownFilms, do(server, "GET", "/api/films/all").Body.String())
	require.NotEqual(t, first, etag())

	server.Update(publishedFilms(version(2, films(t, "List /films/all"))))
	require.Equal(t, 404, do(server, "GET", "/api/films").Code)
	require.Equal(t, unknownFilms, do(server, "GET", "/api/films/all").Body.String())

	server.Update(nil)
	require.Equal(t, 404, do(server, "GET", "/api/films/all").Code)
	require.Equal(t, before, etag())
	require.Equal(t, 200, do(server, "GET", "/api/users").Code)
}

// A request goes on with what it began with.
func TestRequestsOutliveTheirRoutes(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	server := newServer(t, &users{get: func(_ context.Context, r *ratingv1.GetUserRequest) (*ratingv1.User, error) {
		close(entered)
		<-leave
		return &ratingv1.User{Name: r.GetName()}, nil
	}}, Config{})
	status := make(chan int, 1)
	go func() { status <- do(server, "GET", "/api/users/ada").Code }()
	<-entered
	server.Update([]Published{{Name: "rating.v1.UserService", Versions: []Version{version(1, serviceOf(t, `package: "rating.v1" service { name: "UserService" }`))}}})
	require.Equal(t, 404, do(server, "GET", "/api/users/ada").Code)
	close(leave)
	select {
	case code := <-status:
		require.Equal(t, http.StatusOK, code)
	case <-time.After(10 * time.Second):
		t.Fatal("the request is not answered")
	}
}

// What is refused is logged when that begins and ends, and can be asked for; an update without a change does nothing.
func TestRefusalsAreLoggedOnce(t *testing.T) {
	var log logBuffer
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	server := newServer(t, &users{}, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime}))})
	require.Empty(t, server.Refused())
	bad := publishedFilms(version(7, films(t, "Get /users")))
	const refused = `level=WARN msg="descriptors refused" service=film.v1.Service version=v7 reason="GET /users is a route of rating.v1.UserService"` + "\n"
	before := server.edition.Load()
	for range 3 {
		server.Update(bad)
		require.Equal(t, []Refusal{{"film.v1.Service", "v7", "GET /users is a route of rating.v1.UserService"}}, server.Refused())
		require.Equal(t, refused, log.text())
		require.Same(t, before, server.edition.Load())
	}
	server.Update(publishedFilms(version(8, films(t, "Get /films"))))
	require.Empty(t, server.Refused())
	require.Equal(t, refused+`level=INFO msg="routes changed" added=[film.v1.Service] changed=[] removed=[]
level=INFO msg="descriptors no longer refused" service=film.v1.Service version=v7
`, log.text())
}

// Descriptors find what is served, by the first version that has it, and for a while what was.
func TestDescriptorsFollow(t *testing.T) {
	descriptors := NewDescriptors(BuiltIn())
	server := newServer(t, &users{}, Config{Descriptors: descriptors})
	find := func(name protoreflect.FullName) protoreflect.Descriptor {
		found, err := descriptors.FindDescriptorByName(name)
		if err != nil {
			require.ErrorIs(t, err, protoregistry.NotFound)
		}
		return found
	}
	require.NotNil(t, find("rating.v1.UserService"))
	require.NotNil(t, find("rating.v1.UserService.GetUser"))
	require.Nil(t, find("film.v1.Service"))
	require.Nil(t, find("film.v1.Service.Get"))
	v1, v2 := films(t, "Get /films", "Old /old"), films(t, "Get /films", "New /new")
	server.Update(publishedFilms(version(1, v1)))
	require.Equal(t, v1, find("film.v1.Service"))
	server.Update(publishedFilms(version(2, v2), version(1, v1)))
	require.Equal(t, v2, find("film.v1.Service"))
	require.Equal(t, v2.Methods().ByName("Get"), find("film.v1.Service.Get"))
	require.Equal(t, v1.Methods().ByName("Old"), find("film.v1.Service.Old"))
	require.Nil(t, find("film.v1.Service.Other"))
	server.Update(publishedFilms(version(2, v2)))
	require.Equal(t, v1.Methods().ByName("Old"), find("film.v1.Service.Old"), "of requests on their way")
	server.Update(nil)
	require.Equal(t, v2, find("film.v1.Service"), "of requests on their way")
	for i := range 2 * maxRetired {
		server.Update(publishedFilms(version(1, films(t, fmt.Sprintf("Get%d /films", i)))))
	}
	require.Len(t, descriptors.retired, maxRetired)
	require.Nil(t, find("film.v1.Service.Old"))
}

// Messages are found while they are served, those of requests on their way not longer: nobody asks for them.
func TestDescriptorsFindWhatCanBeShown(t *testing.T) {
	descriptors := NewDescriptors(BuiltIn())
	server := newServer(t, &users{}, Config{Descriptors: descriptors})
	finds := func(name protoreflect.FullName) bool {
		found, err := descriptors.FindMessageByName(name)
		require.True(t, err == nil || errors.Is(err, protoregistry.NotFound), "%v", err)
		return found != nil
	}
	for range 2 {
		require.True(t, finds("rating.v1.User"))
		require.True(t, finds("google.protobuf.Empty"), "it is linked in")
		require.False(t, finds("film.v1.M"))
		server.Update(publishedFilms(version(1, films(t, "Get /films"))))
		require.True(t, finds("film.v1.M"))
		require.True(t, finds("rating.v1.User"))
		server.Update(nil)
	}
}

// What one version says ends in its refusal, even where code below panics.
func TestAPanicIsARefusal(t *testing.T) {
	require.EqualError(t, claimsOf(dial(t, &users{}), nil).err, "cannot be routed: runtime error: invalid memory address or nil pointer dereference")
}

// BenchmarkUpdate measures an update in which one service has changed, of as many as there are.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			server := newServer(b, &users{}, Config{})
			var published []Published
			for i := range n {
				name := fmt.Sprintf("s%d", i)
				routes := make([]string, 8)
				for m := range routes {
					routes[m] = fmt.Sprintf("M%d /%s/{name=things/*}/m%[1]d", m, name)
				}
				published = append(published, Published{Name: name + ".v1.Service", Versions: []Version{version(uint64(i+1), service(b, name, routes...))}})
			}
			server.Update(published)
			versions := []protoreflect.ServiceDescriptor{service(b, "s0", "Get /s0"), service(b, "s0", "Fetch /s0")}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				published[0].Versions[0].Service = versions[i%2]
				server.Update(published)
			}
		})
	}
}
