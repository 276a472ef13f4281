//go:build integration

package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/natsgrpctest"
	"github.com/codingflow/rating/natsgrpc/registry"
	moderationv1 "github.com/codingflow/rating/proto/moderation/v1"
	"github.com/codingflow/rating/proxy/natsproxy"
)

func TestTheModerationServiceHasItsRoutesInTheProxy(t *testing.T) {
	ns := natsgrpctest.NewServer(t)
	ensure(t, ns, moderationv1.File_moderation_v1_moderation_proto.Services().ByName("ModerationService"))
	srv, stop, err := natsproxy.New(t.Context(), natsgrpctest.Connect(t, ns), natsproxy.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	front := httptest.NewServer(srv)
	t.Cleanup(front.Close)

	code, _ := check(t, front.URL, `{"comment": "x"}`)
	require.Equal(t, http.StatusNotFound, code, "nobody has published the route yet")

	w := start(t, moderation, "--nats", ns.ClientURL(), "--listen", "127.0.0.1:0")
	require.Eventually(t, func() bool {
		code, _ := check(t, front.URL, `{"comment": "x"}`)
		return code == http.StatusOK
	}, soon, 20*time.Millisecond)
	for _, c := range []struct {
		name, body string
		code       int
		answer     string
	}{
		{"nothing to say", `{"comment": "Great coffee!"}`, 200, `{"findings":[]}`},
		{
			"two findings", `{"comment": "☕ THE WORST COFFEE: see www.example.org"}`, 200,
			`{"findings":[{"rule":"RULE_SHOUTING","text":"THE WORST COFFEE","offset":2},{"rule":"RULE_LINK","text":"www.example.org","offset":24}]}`,
		},
		{"empty", `{}`, 400, `{"error":{"code":400,"message":"comment: must be at least 1 characters","status":"INVALID_ARGUMENT","details":[` +
			`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"comment","description":"must be at least 1 characters","reason":"STRING_MIN_LEN"}]}`},
		{"too long", `{"comment": "` + strings.Repeat("é", 2001) + `"}`, 400, `{"error":{"code":400,"message":"comment: must be at most 2000 characters"`},
	} {
		code, answer := check(t, front.URL, c.body)
		require.Equal(t, c.code, code, "%s: %s", c.name, answer)
		require.True(t, strings.HasPrefix(answer, c.answer), "%s: %s", c.name, answer)
	}
	require.Contains(t, get(t, front.URL+"/openapi.json"), "Checks a comment before it is sent, so that its author can be told.")
	w.stop()
}

// check asks for a comment's findings.
func check(t *testing.T, front, body string) (code int, answer string) {
	t.Helper()
	response, err := http.Post(front+"/api/comments:check", "application/json", bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	return response.StatusCode, read(t, response)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	return read(t, response)
}

func read(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(body)
}

// The service gets along with the least permissions that `dev permissions server` prints for it.
func TestTheModerationServiceNeedsTheLeastPermissionsOnly(t *testing.T) {
	service := moderationv1.File_moderation_v1_moderation_proto.Services().ByName("ModerationService")
	public, file := natsgrpctest.NewUser(t)
	least := natsgrpc.ServerPermissions("_INBOX_moderation", service)
	ns := natsgrpctest.NewServerWith(t, &natsserver.Options{
		Users: []*natsserver.User{{Username: "admin", Password: "admin"}},
		Nkeys: []*natsserver.NkeyUser{{Nkey: public, Permissions: &natsserver.Permissions{
			Publish:   &natsserver.SubjectPermission{Allow: least.Publish},
			Subscribe: &natsserver.SubjectPermission{Allow: least.Subscribe},
			Response:  &natsserver.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
		}}},
	})
	nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo("admin", "admin"))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, natsgrpc.Ensure(t.Context(), js, service))
	w := start(t, moderation, "--nats", ns.ClientURL(), "--nats-nkey", file, "--nats-inbox-prefix", "_INBOX_moderation", "--listen", "127.0.0.1:0")
	conn, err := natsgrpc.NewConn(nc)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	answer, err := moderationv1.NewModerationServiceClient(conn).CheckComment(t.Context(), &moderationv1.CheckCommentRequest{Comment: "see www.example.org"})
	require.NoError(t, err)
	require.Len(t, answer.GetFindings(), 1)
	requireHandsOver(t, nc, "moderation_v1_ModerationService", "CheckComment")
	require.Eventually(t, func() bool {
		snapshot, err := registry.Read(t.Context(), nc)
		require.NoError(t, err)
		return len(snapshot.Services) == 1 && snapshot.Services[0].Name == "moderation.v1.ModerationService" && snapshot.Services[0].Versions[0].Descriptor != nil
	}, soon, 10*time.Millisecond)
	w.stop()
	kv, err := js.KeyValue(t.Context(), "DESCRIPTORS")
	require.NoError(t, err)
	keys, err := kv.ListKeysFiltered(t.Context(), "moderation_v1_ModerationService.instance.>")
	require.NoError(t, err)
	require.Empty(t, keys.Keys(), "the lease of a service that has stopped")
}

// requireHandsOver requires that the worker of a service offers a slot for a query that it knows, takes a request there, and hands
// over one that it does not know.
func requireHandsOver(t *testing.T, nc *nats.Conn, service, query string) {
	t.Helper()
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	seeks, err := nc.SubscribeSync("seek." + service + ".qry.0.Unknown.1")
	require.NoError(t, err)
	hands, err := nc.SubscribeSync("hand." + service + ".newer.1.>")
	require.NoError(t, err)
	require.NoError(t, nc.PublishRequest("qry."+service+".0.Unknown.id", inbox, nil))
	stored, err := answers.NextMsg(soon)
	require.NoError(t, err)
	require.NotContains(t, string(stored.Data), "error")
	seek, err := seeks.NextMsg(soon)
	require.NoError(t, err)
	require.NoError(t, seek.Respond([]byte(`{"slots": 1, "subject": "hand.`+service+`.newer.1"}`)))
	hand, err := hands.NextMsg(soon)
	require.NoError(t, err)
	_, ack, found := strings.Cut(hand.Subject, ".id.")
	require.True(t, found, hand.Subject)

	offer, err := nc.Request("seek."+service+".qry.0."+query+".1", []byte(`{"calls": 1}`), soon)
	require.NoError(t, err)
	var offered struct {
		Slots   int
		Subject string
	}
	require.NoError(t, json.Unmarshal(offer.Data, &offered))
	require.Equal(t, 1, offered.Slots)
	replies, err := nc.SubscribeSync("rep." + service + ".me.1")
	require.NoError(t, err)
	msg := nats.NewMsg(offered.Subject + ".qry." + service + ".0." + query + ".id." + ack)
	msg.Header.Set("Natsgrpc-Reply-To", replies.Subject)
	require.NoError(t, nc.PublishMsg(msg))
	reply, err := replies.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "3", reply.Header.Get("Grpc-Status"), "the empty comment")
}
