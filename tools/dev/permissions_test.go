package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func TestThePermissionsAreWhatNATSReads(t *testing.T) {
	for role, want := range map[string]string{"server": "rsp.rating_v1_UserService.>", "client": "cmd.rating_v1_UserService.0.>"} {
		var text strings.Builder
		command := permissionsCommand{Role: role, Services: []string{"rating.v1.UserService"}, Inbox: "_INBOX_x"}
		require.NoError(t, command.write(&text))
		file := filepath.Join(t.TempDir(), "nats.conf")
		config := "authorization: {users: [{user: x, password: y, permissions: " + text.String() + "}]}"
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		options, err := server.ProcessConfigFile(file)
		require.NoError(t, err, config)
		require.Len(t, options.Users, 1)
		require.Contains(t, options.Users[0].Permissions.Publish.Allow, want)
		require.Contains(t, options.Users[0].Permissions.Subscribe.Allow, "_INBOX_x.>")
		require.Equal(t, role == "server", options.Users[0].Permissions.Response != nil)
	}
}

func TestPermissionsOfAnUnknownServiceAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"rating.v1.Nothing": "unknown service rating.v1.Nothing",
		"rating.v1.User":    "rating.v1.User is not a service",
	} {
		command := permissionsCommand{Role: "server", Services: []string{name}, Inbox: "x"}
		require.EqualError(t, command.write(&strings.Builder{}), want)
	}
}
