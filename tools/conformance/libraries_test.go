//go:build integration && linux && amd64

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// startRunner returns the command line that starts the runner. It wants the C library of glibc 2.38 and the C++ library of
// GCC 13.2, or newer. Where the machine's are older it gets those of Debian 13.
func startRunner(t *testing.T, runner string) []string {
	t.Helper()
	usage, _ := exec.CommandContext(t.Context(), runner, "--help").CombinedOutput() // it fails, after printing its usage
	if strings.Contains(string(usage), "Usage:") {
		return []string{runner}
	}
	t.Logf("the runner does not start with the libraries of this machine: %s", usage)
	libraries := filepath.Join(debian13(t), "usr", "lib", "x86_64-linux-gnu")
	args := []string{filepath.Join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, runner}
	usage, _ = exec.CommandContext(t.Context(), args[0], append(args[1:], "--help")...).CombinedOutput()
	require.Contains(t, string(usage), "Usage:", "the runner starts with the libraries of Debian 13")
	return args
}

// debian13 returns a folder with the C and C++ libraries of Debian 13. It lies in the user's cache folder; the first time
// they are downloaded, from the mirror that this machine uses.
func debian13(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "rating", "debian13-libraries")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	work, err := os.MkdirTemp(filepath.Dir(dir), "download")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(work)) }()

	// apt-get works on folders of its own: it need not be root, and the machine's packages stay as they are. It verifies what
	// it downloads by Debian's signature.
	for _, name := range []string{"lists/partial", "archives/partial", "libraries"} {
		require.NoError(t, os.MkdirAll(filepath.Join(work, name), 0o755))
	}
	source := "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + debianMirror(t) + " trixie main\n"
	require.NoError(t, os.WriteFile(filepath.Join(work, "sources.list"), []byte(source), 0o600))
	options := []string{
		"-qq",
		"-o", "Dir::Etc::SourceList=" + filepath.Join(work, "sources.list"),
		"-o", "Dir::Etc::SourceParts=/dev/null",
		"-o", "Dir::State=" + work,
		"-o", "Dir::State::Status=/dev/null",
		"-o", "Dir::Cache=" + work,
		"-o", "APT::Sandbox::User=root", // its usual user cannot write here
	}
	run(t, work, "apt-get", append(options, "update")...)
	run(t, work, "apt-get", append(options, "download", "libc6", "libgcc-s1", "libstdc++6")...)
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	require.NoError(t, err)
	require.Len(t, packages, 3)
	for _, name := range packages {
		run(t, work, "dpkg-deb", "-x", name, "libraries")
	}
	// Another run may have been faster: its folder stays.
	if err := os.Rename(filepath.Join(work, "libraries"), dir); !errors.Is(err, fs.ErrExist) {
		require.NoError(t, err)
	}
	return dir
}

// debianMirror returns the address of the Debian mirror that this machine uses.
func debianMirror(t *testing.T) string {
	t.Helper()
	release, err := os.ReadFile("/etc/os-release")
	require.NoError(t, err)
	codename := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`).FindSubmatch(release)
	require.NotNil(t, codename, "the runner needs glibc 2.38 or newer, or a Debian to download it with")
	output, err := exec.CommandContext(t.Context(), "apt-get", "indextargets", "--format", "$(REPO_URI)",
		"Created-By: Packages", "Component: main", "Release: "+string(codename[1])).Output()
	require.NoError(t, err, "the runner needs glibc 2.38 or newer, or apt-get to download it")
	mirror, _, _ := strings.Cut(string(output), "\n")
	require.NotEmpty(t, mirror, "apt-get has no source for %s main", codename[1])
	return mirror
}
