package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// writeSet writes a FileDescriptorSet, given in the text format, to a file.
func writeSet(t *testing.T, text string) string {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	require.NoError(t, prototext.Unmarshal([]byte(text), set))
	data, err := proto.Marshal(set)
	require.NoError(t, err)
	return writeFile(t, data)
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.binpb")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func serviceNames(files *protoregistry.Files) []string {
	var names []string
	for _, service := range Services(files) {
		names = append(names, string(service.FullName()))
	}
	return names
}

const film = `file { name: "film/v1/film.proto" package: "film.v1" syntax: "proto3"
	dependency: ["google/api/annotations.proto", "google/protobuf/timestamp.proto", "rating/v1/user.proto"]
	message_type { name: "Film" field { name: "time" number: 1 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL } }
	service { name: "FilmService" method { name: "GetFilm" input_type: ".film.v1.Film" output_type: ".rating.v1.User"
		options { [google.api.http] { get: "/film" } } } } }`

func TestBuiltIn(t *testing.T) {
	require.Equal(t, []string{"rating.v1.CatalogService", "rating.v1.RatingService", "rating.v1.UserService"}, serviceNames(BuiltIn()))
	_, err := BuiltIn().FindFileByPath("google/protobuf/timestamp.proto")
	require.NoError(t, err)
}

func TestLoadDescriptorsAddsServices(t *testing.T) {
	files, err := LoadDescriptors(writeSet(t, film), BuiltIn())
	require.NoError(t, err)
	require.Equal(t,
		[]string{"film.v1.FilmService", "rating.v1.CatalogService", "rating.v1.RatingService", "rating.v1.UserService"}, serviceNames(files))
	server := newServer(t, &users{}, Config{Files: files})
	require.Equal(t, 200, do(server, "GET", "/api/users").Code)
	w := do(server, "GET", "/api/film")
	require.Equal(t, `{"error":{"code":501,"message":"unknown service film.v1.FilmService","status":"UNIMPLEMENTED"}}`, w.Body.String())
}

func TestLoadDescriptorsReplacesFilesOfTheSamePath(t *testing.T) {
	newer := protodesc.ToFileDescriptorProto(ratingv1.File_rating_v1_user_proto)
	newer.MessageType = append(newer.MessageType, &descriptorpb.DescriptorProto{Name: proto.String("Avatar")})
	data, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{newer}})
	require.NoError(t, err)
	files, err := LoadDescriptors(writeFile(t, data), BuiltIn())
	require.NoError(t, err)
	require.Equal(t, serviceNames(BuiltIn()), serviceNames(files))
	_, err = files.FindDescriptorByName("rating.v1.Avatar")
	require.NoError(t, err)
}

func TestLoadDescriptorsRefuses(t *testing.T) {
	const kind = ": not a binary FileDescriptorSet with files in it, as `buf build -o FILE` writes it"
	tests := []struct{ name, path, want string }{
		{"text", writeFile(t, []byte(`{"file":[]}`)), kind},
		{"empty", writeFile(t, nil), kind},
		{"twice", writeSet(t, `file { name: "a.proto" } file { name: "a.proto" }`), `: "a.proto" is in it twice`},
		{"import", writeSet(t, `file { name: "a.proto" dependency: "b.proto" }`), `: "a.proto" imports "b.proto", which is not in it and not built in`},
		{"conflict", writeSet(t, `file { name: "a.proto" package: "rating.v1" message_type { name: "User" } }`), `: `},
		{"unresolved", writeSet(t, `file { name: "a.proto" service { name: "S" method { name: "M" input_type: ".x.Y" output_type: ".x.Y" } } }`), `: `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadDescriptors(test.path, BuiltIn())
			require.ErrorContains(t, err, "descriptors "+test.path+test.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := LoadDescriptors("/no/such/file", BuiltIn())
	require.EqualError(t, err, "read descriptors: open /no/such/file: no such file or directory")
}
