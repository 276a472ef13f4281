package telemetry

import "runtime/debug"

// Build is what a program is made of. What is not known is "unknown".
type Build struct {
	// Version is a tag, or a pseudo-version with the commit.
	Version string
	// Revision is the commit, with "-dirty" behind it where files were changed.
	Revision string
	// Go is the version of the toolchain, such as go1.26.8.
	Go string
}

// ThisBuild returns what the Go toolchain has stamped into this program.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return newBuild(info)
}

func newBuild(info *debug.BuildInfo) Build {
	const unknown = "unknown"
	b := Build{Version: unknown, Revision: unknown, Go: unknown}
	if info.GoVersion != "" {
		b.Go = info.GoVersion
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	dirty := ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			b.Revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	b.Revision += dirty
	return b
}
