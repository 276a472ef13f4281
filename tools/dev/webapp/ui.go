package webapp

import (
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	webserver "github.com/codingflow/rating/services/web/server"
	"github.com/codingflow/rating/services/web/signin"
)

// UIConfig says how a stack serves the app.
type UIConfig struct {
	// Assets is the app as it was built, such as os.DirFS of [Output]. Default: what is embedded, which may be none.
	Assets fs.FS
	// Issuer is whose tokens the stack's API needs, "" for none.
	Issuer string
	// SignIn has people sign in at the issuer, if it has a client id. The stack's address is the public one, and a new key
	// that of sessions, unless it says otherwise. Its Issuer, API and Logger are not used.
	SignIn signin.Config
	// Logger gets what goes wrong with sign-in. Default slog.Default().
	Logger *slog.Logger
}

// UI returns what a stack makes its handler of /ui with: a function of the URL of its API, which ends in /api.
func UI(config UIConfig) func(api string) (http.Handler, error) {
	return func(api string) (http.Handler, error) {
		who := config.SignIn
		who.Issuer, who.API, who.Logger = "", api, config.Logger
		if who.ClientID != "" {
			who.Issuer = config.Issuer
			if who.PublicURL == "" {
				who.PublicURL = strings.TrimSuffix(api, "/api")
			}
			if len(who.Keys) == 0 && who.KeysFile == "" {
				who.Keys = []string{signin.NewKey()}
			}
		}
		sessions, err := signin.New(who)
		if err != nil {
			return nil, err
		}
		return webserver.New(webserver.Config{Assets: config.Assets, SignIn: sessions})
	}
}
