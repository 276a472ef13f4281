package telemetry

import (
	"runtime"
	"runtime/debug"
)

// Build is what a program is made of. What is not known is "unknown".
type Build struct {
	// Version is a tag, or a pseudo-version with the commit.
	Version string
	// Revision is the commit, with "-dirty" behind it where files were changed.
	Revision string
	// Go is the version of the toolchain, such as go1.26.8.
	Go string
}

// What Bazel's linker writes into releases (bazel build --config=release). It stamps nothing else: what it builds has no
// debug.BuildInfo.
var version, revision string

// ThisBuild returns what the Go toolchain, or Bazel for a release, has stamped into this program.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = released(version, revision)
	}
	return newBuild(info)
}

// released returns what the Go toolchain would have stamped.
func released(version, revision string) *debug.BuildInfo {
	info := &debug.BuildInfo{GoVersion: runtime.Version(), Main: debug.Module{Version: version}}
	if revision != "" {
		info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: revision}}
	}
	return info
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
