package operations

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc"
	"github.com/codingflow/rating/natsgrpc/nack/nacktest"
	"github.com/codingflow/rating/natsgrpc/registry"
	ratingv1 "github.com/codingflow/rating/proto/rating/v1"
)

// The backup of NATS that docs/runbook.md has, and its restoring into a server that has nothing: what was kept is there, each
// command that waited has run once, and dead letters can be replayed.
func TestNATSIsRestoredFromABackup(t *testing.T) {
	nats := tool(t, "nats")
	for _, test := range []struct {
		name string
		// late says that the commands of the backup are run before NATS is lost: the backup has what is done already.
		late bool
	}{
		{"lost with commands that wait", false},
		{"lost after the commands of the backup had run", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSystem(t)
			nacktest.Apply(t, s.connect(t, "nack"), []byte(read(t, root+"k8s/base/queues/queues.yaml")))
			request, stopProxy := s.serveProxy(t)

			stop := s.serve(t, func(w *natsgrpc.Server) { ratingv1.RegisterUserServiceServer(w, broken{}) })
			code, answer := request("POST", "/api/users", `{"displayName": "Given up"}`)
			require.Equal(t, 500, code, answer)
			stop()
			stop = s.serveRating(t)
			code, answer = request("POST", "/api/users", `{"displayName": "Kept"}`, "Idempotency-Key", "key")
			require.Equal(t, 200, code, answer)
			kept := answer
			stop()
			code, answer = request("POST", "/api/users", `{"displayName": "Waiting"}`, "Prefer", "respond-async")
			require.Equal(t, 202, code, answer)
			operation := name(t, answer)

			dir := filepath.Join(t.TempDir(), "backup")
			s.documented(t, nats, "backup", dir)
			if test.late {
				stop = s.serveRating(t)
				code, answer = request("POST", "/api/"+operation+":wait", "{}")
				require.Equal(t, 200, code, answer)
				require.Contains(t, answer, `"done":true`)
				stop()
			}
			stopProxy()
			s.loseNATS(t)
			s.startNATS(t)
			s.documented(t, nats, "restore", dir)
			nacktest.Apply(t, s.connect(t, "nack"), []byte(read(t, root+"k8s/base/queues/queues.yaml")))

			admin := s.connect(t, "admin")
			js, err := jetstream.New(admin)
			require.NoError(t, err)
			require.NoError(t, natsgrpc.Verify(t.Context(), js, ratingv1.File_rating_v1_user_proto.Services().Get(0),
				ratingv1.File_rating_v1_service_proto.Services().Get(0), ratingv1.File_rating_v1_rating_proto.Services().Get(0)))
			published, err := registry.Read(t.Context(), admin)
			require.NoError(t, err)
			require.Len(t, published.Services, 3, "the descriptors")

			request, _ = s.serveProxy(t)
			s.serveRating(t)
			code, answer = request("POST", "/api/"+operation+":wait", "{}")
			require.Equal(t, 200, code, answer)
			require.Contains(t, answer, `"done":true`)
			require.Contains(t, answer, `"displayName":"Waiting"`)
			code, answer = request("POST", "/api/users", `{"displayName": "Kept"}`, "Idempotency-Key", "key")
			require.Equal(t, 200, code, answer)
			require.JSONEq(t, kept, answer)
			require.ElementsMatch(t, []string{"Kept", "Waiting"}, request.names(t))

			letters, err := natsgrpc.NewDeadLetters(admin)
			require.NoError(t, err)
			for letter, err := range letters.All(t.Context()) {
				require.NoError(t, err)
				require.NoError(t, letters.Replay(t.Context(), letter.ID))
			}
			require.Eventually(t, func() bool { return len(request.names(t)) == 3 }, soon, tick)
			require.ElementsMatch(t, []string{"Kept", "Waiting", "Given up"}, request.names(t))
		})
	}
}

// documented runs the command of natscli in the runbook that has a verb, in a folder, with this system's server and key.
func (s *system) documented(t *testing.T, nats, verb, dir string) {
	t.Helper()
	command := regexp.MustCompile(`(?m)^ *nats account ` + verb + ` .*$`).FindString(read(t, runbookFile))
	require.NotEmpty(t, command, "docs/runbook.md tells how to "+verb+" NATS")
	args := strings.Fields(command)[1:]
	require.Equal(t, "backup-nats", args[len(args)-1])
	args[len(args)-1] = dir
	cmd := exec.CommandContext(t.Context(), nats, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "NATS_URL="+s.ns.ClientURL(), "NATS_NKEY="+s.seeds["admin"])
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
}
