package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// permissions returns what a command prints: for the user service, or for the proxy, which calls all.
func permissions(t *testing.T, role, format string) string {
	t.Helper()
	var text strings.Builder
	command := permissionsCommand{Role: role, Inbox: "_INBOX_x", Format: format}
	if role != "proxy" {
		command.Services = []string{"rating.v1.UserService"}
	}
	require.NoError(t, command.write(&text))
	return text.String()
}

func TestThePermissionsAreWhatNATSReads(t *testing.T) {
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	t.Setenv("NKEY", public)
	for role, want := range map[string]string{
		"server": "rsp.rating_v1_UserService.>", "client": "cmd.rating_v1_UserService.0.>", "proxy": "$KV.OPERATIONS.>",
	} {
		for format, config := range map[string]string{
			"json": fmt.Sprintf("authorization: {users: [{nkey: %s, permissions: %s}]}", public, permissions(t, role, "json")),
			"conf": permissions(t, role, "conf"),
		} {
			file := filepath.Join(t.TempDir(), "nats.conf")
			require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
			options, err := server.ProcessConfigFile(file)
			require.NoError(t, err, "%s: %s", format, config)
			require.Len(t, options.Nkeys, 1)
			require.Equal(t, public, options.Nkeys[0].Nkey)
			require.Contains(t, options.Nkeys[0].Permissions.Publish.Allow, want)
			require.Contains(t, options.Nkeys[0].Permissions.Subscribe.Allow, "_INBOX_x.>")
			require.Equal(t, role == "server", options.Nkeys[0].Permissions.Response != nil)
		}
	}
}

func TestThePermissionsInEachFormat(t *testing.T) {
	require.Equal(t, `{
  "publish": {
    "allow": [
      "$JS.API.DIRECT.GET.CMD_rating_v1_UserService_0.cmd.rating_v1_UserService.0.>",
      "$JS.API.DIRECT.GET.PARTS.part.rating_v1_UserService.>",
      "$JS.API.DIRECT.GET.RESPONSES.rsp.rating_v1_UserService.>",
      "alive.rating_v1_UserService",
      "cancel.rating_v1_UserService",
      "cmd.rating_v1_UserService.0.>",
      "part.rating_v1_UserService.>",
      "qry.rating_v1_UserService.0.>",
      "str.rating_v1_UserService.>"
    ]
  },
  "subscribe": {
    "allow": [
      "_INBOX_x.>",
      "rep.*.*.*",
      "rsp.*.*.*"
    ]
  }
}
`, permissions(t, "client", "json"))
	require.Equal(t, `# $NKEY is the user's public key. The seed of the key is what --nats-nkey reads.
authorization {
  users: [
    {
      nkey: $NKEY
      permissions: {
        "publish": {
          "allow": [
            "$JS.API.DIRECT.GET.CMD_rating_v1_UserService_0.cmd.rating_v1_UserService.0.>",
            "$JS.API.DIRECT.GET.PARTS.part.rating_v1_UserService.>",
            "$JS.API.DIRECT.GET.RESPONSES.rsp.rating_v1_UserService.>",
            "alive.rating_v1_UserService",
            "cancel.rating_v1_UserService",
            "cmd.rating_v1_UserService.0.>",
            "part.rating_v1_UserService.>",
            "qry.rating_v1_UserService.0.>",
            "str.rating_v1_UserService.>"
          ]
        },
        "subscribe": {
          "allow": [
            "_INBOX_x.>",
            "rep.*.*.*",
            "rsp.*.*.*"
          ]
        }
      }
    }
  ]
}
`, permissions(t, "client", "conf"))
	require.Equal(t, `nsc add user "$NAME" \
  --allow-pub '$JS.ACK.*.*.CMD_rating_v1_UserService_0.workers.>' \
  --allow-pub '$JS.ACK.*.*.QRY_rating_v1_UserService_0.workers.>' \
  --allow-pub '$JS.ACK.CMD_rating_v1_UserService_0.workers.>' \
  --allow-pub '$JS.ACK.QRY_rating_v1_UserService_0.workers.>' \
  --allow-pub '$JS.API.CONSUMER.INFO.CMD_rating_v1_UserService_0.workers' \
  --allow-pub '$JS.API.CONSUMER.INFO.QRY_rating_v1_UserService_0.workers' \
  --allow-pub '$JS.API.CONSUMER.MSG.NEXT.CMD_rating_v1_UserService_0.workers' \
  --allow-pub '$JS.API.CONSUMER.MSG.NEXT.QRY_rating_v1_UserService_0.workers' \
  --allow-pub '$JS.API.DIRECT.GET.KV_DESCRIPTORS.$KV.DESCRIPTORS.rating_v1_UserService.>' \
  --allow-pub '$JS.API.DIRECT.GET.PARTS.part.rating_v1_UserService.>' \
  --allow-pub '$JS.API.DIRECT.GET.RESPONSES.rsp.rating_v1_UserService.>' \
  --allow-pub '$JS.API.STREAM.INFO.CMD_rating_v1_UserService_0' \
  --allow-pub '$JS.API.STREAM.INFO.DEAD' \
  --allow-pub '$JS.API.STREAM.INFO.KV_DESCRIPTORS' \
  --allow-pub '$JS.API.STREAM.INFO.PARTS' \
  --allow-pub '$JS.API.STREAM.INFO.QRY_rating_v1_UserService_0' \
  --allow-pub '$JS.API.STREAM.INFO.RESPONSES' \
  --allow-pub '$KV.DESCRIPTORS.rating_v1_UserService.>' \
  --allow-pub 'dead.rating_v1_UserService.>' \
  --allow-pub 'hand.rating_v1_UserService.>' \
  --allow-pub 'part.rating_v1_UserService.>' \
  --allow-pub 'rep.rating_v1_UserService.>' \
  --allow-pub 'rsp.rating_v1_UserService.>' \
  --allow-pub 'seek.rating_v1_UserService.>' \
  --allow-sub '_INBOX_x.>' \
  --allow-sub 'alive.rating_v1_UserService' \
  --allow-sub 'cancel.rating_v1_UserService' \
  --allow-sub 'hand.rating_v1_UserService.>' \
  --allow-sub 'seek.rating_v1_UserService.>' \
  --allow-sub 'str.rating_v1_UserService.>' \
  --allow-pub-response=1 --response-ttl 1m
`, permissions(t, "server", "nsc"))
}

func TestThePermissionsInADomainAreForItsAPI(t *testing.T) {
	command := permissionsCommand{Role: "server", Services: []string{"rating.v1.UserService"}, Inbox: "_INBOX_x", Domain: "hub", Format: "json"}
	var text strings.Builder
	require.NoError(t, command.write(&text))
	require.NotContains(t, text.String(), "$JS.API.")
	require.Contains(t, text.String(), `"$JS.hub.API.CONSUMER.MSG.NEXT.CMD_rating_v1_UserService_0.workers"`)
	require.Contains(t, text.String(), `"rsp.rating_v1_UserService.>"`)
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
