package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// serviceOf returns the first service of a file, given in the text format without its name.
func serviceOf(t testing.TB, text string) protoreflect.ServiceDescriptor {
	t.Helper()
	source := &descriptorpb.FileDescriptorProto{}
	require.NoError(t, prototext.Unmarshal([]byte(`name: "a.proto" syntax: "proto3" dependency: ["google/api/annotations.proto", "rating/v1/user.proto"] `+text), source))
	file, err := protodesc.NewFile(source, protoregistry.GlobalFiles)
	require.NoError(t, err)
	return file.Services().Get(0)
}

// service returns a service "<name>.v1.Service" with a method for each route, such as "Get /films". Its messages are
// "<name>.v1.M", which has more fields if wanted.
func service(t testing.TB, name string, routes ...string) protoreflect.ServiceDescriptor {
	t.Helper()
	return serviceWith(t, name, "M", `field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }`, routes...)
}

func serviceWith(t testing.TB, name, message, fields string, routes ...string) protoreflect.ServiceDescriptor {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `package: "%s.v1" message_type { name: %q %s } service { name: "Service"`, name, message, fields)
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		fmt.Fprintf(&text, ` method { name: %q input_type: ".%s.v1.%[3]s" output_type: ".%[2]s.v1.%[3]s" options { [google.api.http] { get: %[4]q } } }`, method, name, message, path)
	}
	text.WriteString("}")
	return serviceOf(t, text.String())
}

// version is a version that is served.
func version(order uint64, service protoreflect.ServiceDescriptor) Version {
	return Version{ID: fmt.Sprint("v", order), Order: order, Service: service}
}

func standby(order uint64, service protoreflect.ServiceDescriptor) Version {
	v := version(order, service)
	v.Standby = true
	return v
}

func broken(order uint64, text string) Version {
	return Version{ID: fmt.Sprint("v", order), Order: order, Err: errors.New(text)}
}

// routesOf returns "service: method method" for each version that is served.
func routesOf(services []protoreflect.ServiceDescriptor) []string {
	var lines []string
	for _, service := range services {
		line := string(service.FullName()) + ":"
		for i := range service.Methods().Len() {
			line += " " + string(service.Methods().Get(i).Name())
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWhichVersionsAreServed(t *testing.T) {
	base := service(t, "base", "Get /base")
	song := func(order uint64, routes ...string) Published {
		return Published{Name: "song.v1.Service", Versions: []Version{version(order, service(t, "song", routes...))}}
	}
	film := func(versions ...Version) Published { return Published{Name: "film.v1.Service", Versions: versions} }
	films := func(routes ...string) protoreflect.ServiceDescriptor { return service(t, "film", routes...) }
	tests := []struct {
		name string
		// steps are the updates one after the other; the last one counts.
		steps   [][]Published
		want    []string
		refused []Refusal
	}{
		{name: "nothing is published", steps: [][]Published{{}}, want: []string{"base.v1.Service: Get"}},
		{
			name:  "a service is added",
			steps: [][]Published{{film(version(1, films("Get /films")))}},
			want:  []string{"base.v1.Service: Get", "film.v1.Service: Get"},
		}, {
			name:  "a service is removed",
			steps: [][]Published{{film(version(1, films("Get /films")))}, {}},
			want:  []string{"base.v1.Service: Get"},
		}, {
			name: "a built-in one is replaced",
			steps: [][]Published{{{Name: "base.v1.Service", Versions: []Version{
				version(1, service(t, "base", "Fetch /base")),
			}}}},
			want: []string{"base.v1.Service: Fetch"},
		}, {
			name: "a built-in one comes back",
			steps: [][]Published{
				{{Name: "base.v1.Service", Versions: []Version{version(1, service(t, "base", "Fetch /base"))}}}, {},
			},
			want: []string{"base.v1.Service: Get"},
		}, {
			name:  "versions overlap, in the order that is told",
			steps: [][]Published{{film(version(1, films("Get /films", "Old /old")), version(2, films("Get /films", "New /new")))}},
			want:  []string{"base.v1.Service: Get", "film.v1.Service: Get Old", "film.v1.Service: Get New"},
		}, {
			name:  "one that is on standby waits",
			steps: [][]Published{{film(version(2, films("Get /films")), standby(1, films("Old /old")))}},
			want:  []string{"base.v1.Service: Get", "film.v1.Service: Get"},
		}, {
			name:    "one that is on standby is served where all others are refused",
			steps:   [][]Published{{film(broken(2, "it is broken"), standby(1, films("Old /old")))}},
			want:    []string{"base.v1.Service: Get", "film.v1.Service: Old"},
			refused: []Refusal{{"film.v1.Service", "v2", "it is broken"}},
		}, {
			name:    "what was in force stays where nothing else can be served",
			steps:   [][]Published{{film(version(1, films("Old /old")))}, {{Name: "film_v1_Service", Versions: []Version{broken(2, "it is broken")}}}},
			want:    []string{"base.v1.Service: Get", "film.v1.Service: Old"},
			refused: []Refusal{{"film_v1_Service", "v2", "it is broken"}},
		}, {
			name: "what was in force stays for as long as it takes, and leaves",
			steps: [][]Published{
				{film(version(1, films("Old /old")))}, {film(broken(2, "broken"))}, {film(broken(3, "broken"))}, {film(version(4, films("New /new")))},
			},
			want: []string{"base.v1.Service: Get", "film.v1.Service: New"},
		}, {
			name:    "the built-in one stays where the published one is broken",
			steps:   [][]Published{{{Name: "base_v1_Service", Versions: []Version{broken(1, "it is broken")}}}},
			want:    []string{"base.v1.Service: Get"},
			refused: []Refusal{{"base_v1_Service", "v1", "it is broken"}},
		}, {
			name:    "a route is its first owner's",
			steps:   [][]Published{{film(version(1, films("Get /things/{name}"))), song(2, "Get /things/{name}", "List /songs")}},
			want:    []string{"base.v1.Service: Get", "film.v1.Service: Get"},
			refused: []Refusal{{"song.v1.Service", "v2", "GET /things/* is a route of film.v1.Service"}},
		}, {
			name:    "whichever is told first",
			steps:   [][]Published{{song(1, "Get /things"), film(version(2, films("Get /things")))}},
			want:    []string{"base.v1.Service: Get", "song.v1.Service: Get"},
			refused: []Refusal{{"film.v1.Service", "v2", "GET /things is a route of song.v1.Service"}},
		}, {
			name: "an update that takes another's route is refused, and the version before stays",
			steps: [][]Published{
				{film(version(1, films("Get /films"))), song(2, "Get /songs")},
				{film(version(3, films("Get /films", "Sing /songs"))), song(2, "Get /songs")},
			},
			want:    []string{"base.v1.Service: Get", "film.v1.Service: Get", "song.v1.Service: Get"},
			refused: []Refusal{{"film.v1.Service", "v3", "GET /songs is a route of song.v1.Service"}},
		}, {
			name: "a route that is given up can be taken",
			steps: [][]Published{
				{film(version(1, films("Get /things"))), song(2, "Get /things")},
				{film(version(3, films("Get /films"))), song(2, "Get /things")},
			},
			want: []string{"base.v1.Service: Get", "film.v1.Service: Get", "song.v1.Service: Get"},
		}, {
			name: "a route of an older version that lives is not free yet",
			steps: [][]Published{
				{film(version(3, films("Get /films")), version(1, films("Get /things"))), song(4, "Get /things")},
			},
			want:    []string{"base.v1.Service: Get", "film.v1.Service: Get", "film.v1.Service: Get"},
			refused: []Refusal{{"song.v1.Service", "v4", "GET /things is a route of film.v1.Service"}},
		}, {
			name:    "the routes of built-in services are theirs",
			steps:   [][]Published{{song(1, "Get /base")}},
			want:    []string{"base.v1.Service: Get"},
			refused: []Refusal{{"song.v1.Service", "v1", "GET /base is a route of base.v1.Service"}},
		}, {
			name: "reserved packages are nobody's",
			steps: [][]Published{{
				{Name: "grpc.v1.Service", Versions: []Version{version(1, service(t, "grpc", "Get /a"))}},
				{Name: "google.v1.Service", Versions: []Version{version(2, service(t, "google", "Get /b"))}},
				{Name: "natsgrpc.v1.Service", Versions: []Version{version(3, service(t, "natsgrpc", "Get /c"))}},
			}},
			want: []string{"base.v1.Service: Get"},
			refused: []Refusal{
				{"google.v1.Service", "v2", "the package google.v1 is reserved"},
				{"grpc.v1.Service", "v1", "the package grpc.v1 is reserved"},
				{"natsgrpc.v1.Service", "v3", "the package natsgrpc.v1 is reserved"},
			},
		}, {
			name:    "another service's name in subjects is refused",
			steps:   [][]Published{{{Name: "base_v1.Service", Versions: []Version{version(1, serviceOf(t, `package: "base_v1" service { name: "Service" }`))}}}},
			want:    []string{"base.v1.Service: Get"},
			refused: []Refusal{{"base_v1.Service", "v1", "its name in subjects is that of base.v1.Service"}},
		}, {
			name:  "annotations are checked",
			steps: [][]Published{{film(version(1, films("Get films")))}, {film(version(1, films("Get films"))), song(2, "Get /songs")}},
			want:  []string{"base.v1.Service: Get", "song.v1.Service: Get"},
			refused: []Refusal{{"film.v1.Service", "v1",
				`film.v1.Service.Get: GET "films": at byte 0: a path template starts with /`}},
		}, {
			name:    "there are too many methods",
			steps:   [][]Published{{film(version(1, films(manyRoutes(1001)...)))}},
			want:    []string{"base.v1.Service: Get"},
			refused: []Refusal{{"film.v1.Service", "v1", "it has 1001 methods; at most 1000 are served"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, &users{})
			r := resolver{
				base:  []protoreflect.ServiceDescriptor{base},
				judge: func(service protoreflect.ServiceDescriptor) *claims { return claimsOf(conn, service) },
			}
			var got routing
			for _, step := range test.steps {
				got = r.resolve(step)
			}
			require.Equal(t, test.want, routesOf(got.services))
			require.Equal(t, test.refused, got.refused)
		})
	}
}

func manyRoutes(n int) []string {
	routes := make([]string, n)
	for i := range routes {
		routes[i] = fmt.Sprintf("M%d /m%[1]d", i)
	}
	return routes
}

// Two services that share a message may have it in different versions, as long as these do not contradict each other.
func TestMessagesOfTheSameName(t *testing.T) {
	const (
		name  = `field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "name" } `
		enums = `message_type { name: "Shared" field { name: "kind" number: 1 type: TYPE_ENUM type_name: ".shared.v1.Kind" label: LABEL_OPTIONAL } } `
	)
	shared := func(service, definition string) protoreflect.ServiceDescriptor {
		return serviceOf(t, `package: "shared.v1" `+definition+`
			service { name: "`+service+`" method { name: "Get" input_type: ".shared.v1.Shared" output_type: ".shared.v1.Shared" } }`)
	}
	message := func(fields string) string { return `message_type { name: "Shared" ` + fields + `} ` }
	const other = "shared.v1.Shared is another one than that of shared.v1.A: "
	tests := []struct{ name, a, b, want string }{
		{"the same", message(name), message(name), ""},
		{"one field more", message(name), message(name + `field { name: "size" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }`), ""},
		{"one field less", message(name + `field { name: "size" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }`), message(name), ""},
		{"another name", message(name), message(`field { name: "title" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }`),
			other + "string title = 1 here, string name = 1 there"},
		{"another number", message(name), message(`field { name: "name" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }`),
			other + "string name = 2 here, string name = 1 there"},
		{"another type", message(name), message(`field { name: "name" number: 1 type: TYPE_BYTES label: LABEL_OPTIONAL }`),
			other + "bytes name = 1 here, string name = 1 there"},
		{"a list", message(name), message(`field { name: "name" number: 1 type: TYPE_STRING label: LABEL_REPEATED }`),
			other + "repeated string name = 1 here, string name = 1 there"},
		{"another message", message(`field { name: "m" number: 1 type: TYPE_MESSAGE type_name: ".rating.v1.User" label: LABEL_OPTIONAL }`),
			message(`field { name: "m" number: 1 type: TYPE_MESSAGE type_name: ".shared.v1.Shared" label: LABEL_OPTIONAL }`),
			other + "shared.v1.Shared m = 1 here, rating.v1.User m = 1 there"},
		{"one value more", enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } }`,
			enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } value { name: "V_B" number: 1 } }`, ""},
		{"another value", enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } value { name: "V_B" number: 1 } }`,
			enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } value { name: "V_C" number: 1 } }`,
			"shared.v1.Kind is another one than that of shared.v1.A: V_C = 1 here, V_B there"},
		{"another number of a value", enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } value { name: "V_B" number: 1 } }`,
			enums + `enum_type { name: "Kind" value { name: "V_A" number: 0 } value { name: "V_B" number: 2 } }`,
			"shared.v1.Kind is another one than that of shared.v1.A: V_B = 2 here, 1 there"},
		{"an enum", message(name), `enum_type { name: "Shared" value { name: "V_A" number: 0 } }
			message_type { name: "Other" field { name: "kind" number: 1 type: TYPE_ENUM type_name: ".shared.v1.Shared" label: LABEL_OPTIONAL } }`,
			"shared.v1.Shared is another one than that of shared.v1.A: an enum here, a message there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, &users{})
			r := resolver{judge: func(service protoreflect.ServiceDescriptor) *claims { return claimsOf(conn, service) }}
			a := shared("A", test.a)
			var b protoreflect.ServiceDescriptor
			if strings.Contains(test.b, `"Other"`) {
				b = serviceOf(t, `package: "shared.v1" `+test.b+`
					service { name: "B" method { name: "Get" input_type: ".shared.v1.Other" output_type: ".shared.v1.Other" } }`)
			} else {
				b = shared("B", test.b)
			}
			got := r.resolve([]Published{
				{Name: "shared.v1.A", Versions: []Version{version(1, a)}}, {Name: "shared.v1.B", Versions: []Version{version(2, b)}},
			})
			if test.want == "" {
				require.Empty(t, got.refused)
				require.Len(t, got.services, 2)
				return
			}
			require.Equal(t, []Refusal{{"shared.v1.B", "v2", test.want}}, got.refused)
			require.Equal(t, []protoreflect.ServiceDescriptor{a}, got.services)
		})
	}
}
