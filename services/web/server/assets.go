package server

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets returns the app that this program was built with. There is no index.html in it if the app had not been built then.
func Assets() fs.FS {
	assets, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the path is valid
	}
	return assets
}
