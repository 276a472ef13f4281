//go:build integration

// Package deliver_test runs the scripts of the delivery with stand-ins for the programs that reach out: bazel, kubectl, cosign,
// and go for the smoke test. Each writes down how it was called.
package deliver_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

// A checkout is a copy of the scripts in a repository of its own.
type checkout struct {
	dir, bin, log string
}

func newCheckout(t *testing.T) *checkout {
	t.Helper()
	dir := t.TempDir()
	c := &checkout{dir: filepath.Join(dir, "checkout"), bin: filepath.Join(dir, "bin"), log: filepath.Join(dir, "log")}
	require.NoError(t, os.CopyFS(filepath.Join(c.dir, "tools", "deliver"), os.DirFS(".")))
	require.NoError(t, os.Mkdir(c.bin, 0o750))
	return c
}

// program makes a stand-in, which writes its name and arguments to the log and then runs a script.
func (c *checkout) program(t *testing.T, name, script string) {
	t.Helper()
	text := fmt.Sprintf("#!/usr/bin/env bash\nset -eu\nprintf '%%s\\n' \"%s $*\" >>%q\n%s\n", name, c.log, script)
	require.NoError(t, os.WriteFile(filepath.Join(c.bin, name), []byte(text), 0o700))
}

// run runs a program in the checkout and returns what it prints, and whether it succeeds.
func (c *checkout) run(t *testing.T, input, program string, args ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "PATH="+c.bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	cmd.Stdin = strings.NewReader(input)
	printed, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err())
	return string(printed), err == nil
}

// git runs git and returns what it prints.
func (c *checkout) git(t *testing.T, args ...string) string {
	t.Helper()
	printed, ok := c.run(t, "", "git", args...)
	require.True(t, ok, printed)
	return strings.TrimSpace(printed)
}

// calls returns how the stand-ins were called, with temporary folders as TMP.
func (c *checkout) calls(t *testing.T, old ...string) string {
	t.Helper()
	text, err := os.ReadFile(c.log)
	require.NoError(t, err)
	return strings.NewReplacer(old...).Replace(string(text))
}

func TestACommitThatDoesNotWorkIsReplacedByTheOneBefore(t *testing.T) {
	const (
		get      = "kubectl --context aks --request-timeout 30s get namespace rating --ignore-not-found --output jsonpath={.metadata.annotations.deploy\\.codingflow\\.com/delivered}\n"
		annotate = "kubectl --context aks --request-timeout 30s annotate --overwrite namespace rating deploy.codingflow.com/delivered=NEW\n"
		build    = "bazel run --config=release --script_path=TMP/now //k8s:deploy_aks\n"
		way      = "bazel run --config=release --script_path=TMP/before //k8s:deploy_aks\n"
		smoke    = "go run ./tools/smoke --address https://rating.example.com\n"
		clean    = "bazel clean --expunge\n"
	)
	deploy := func(commit string) string {
		return "deploy " + commit + " --context aks --registry r.example --no-push\n"
	}
	for name, test := range map[string]struct {
		before      string // OLD, NEW or nothing: what the namespace says
		broken      string // the commits that do not become ready
		unreachable string // the commits that do not pass the smoke test
		calls       string
		last        string // line printed; "" for success
	}{
		"works":                  {"OLD", "", "", get + build + way + deploy("NEW") + smoke + annotate + clean, ""},
		"works, the first":       {"", "", "", get + build + deploy("NEW") + smoke + annotate, ""},
		"works, again":           {"NEW", "", "", get + build + deploy("NEW") + smoke + annotate, ""},
		"does not become ready":  {"OLD", "NEW", "", get + build + way + deploy("NEW") + deploy("OLD") + smoke + clean, "== FAILED: NEW does not work; OLD runs again"},
		"does not answer":        {"OLD", "", "NEW", get + build + way + deploy("NEW") + smoke + deploy("OLD") + smoke + clean, "== FAILED: NEW does not work; OLD runs again"},
		"nothing works":          {"OLD", "NEW", "OLD", get + build + way + deploy("NEW") + deploy("OLD") + smoke + clean, "== FAILED: neither NEW nor OLD works"},
		"fails, the first":       {"", "NEW", "", get + build + deploy("NEW"), "== FAILED: NEW does not work, and there is nothing to go back to"},
		"the way back is closed": {"0000000000000000000000000000000000000000", "", "", get + build, "fatal: invalid reference: 0000000000000000000000000000000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			c.git(t, "init", "--quiet")
			c.git(t, "add", ".")
			c.git(t, "commit", "--quiet", "--message", "old")
			old := c.git(t, "rev-parse", "HEAD")
			c.git(t, "commit", "--quiet", "--allow-empty", "--message", "new")
			commit := c.git(t, "rev-parse", "HEAD")
			name := strings.NewReplacer("NEW", commit, "OLD", old).Replace

			deployed := filepath.Join(c.dir, "deployed")
			c.program(t, "kubectl", fmt.Sprintf(`[[ $* != *" get "* ]] || printf %%s %q`, name(test.before)))
			c.program(t, "bazel", fmt.Sprintf(`
				for arg; do case $arg in --script_path=*) script=${arg#*=};; clean) exit;; esac; done
				cat >"$script" <<-EOF
				#!/usr/bin/env bash
				echo "deploy $(git rev-parse HEAD) \$*" >>%[1]q
				echo $(git rev-parse HEAD) >%[2]q
				[[ %[3]q != *$(git rev-parse HEAD)* ]]
				EOF
				chmod +x "$script"`, c.log, deployed, name(test.broken)))
			c.program(t, "go", fmt.Sprintf(`[[ %q != *"$(cat %q)"* ]]`, name(test.unreachable), deployed))
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			t.Setenv("REGISTRY", "r.example")

			printed, ok := c.run(t, "", "tools/deliver/deliver.sh", "aks", "https://rating.example.com")
			require.Equal(t, test.last == "", ok, printed)
			lines := strings.Split(strings.TrimSpace(printed), "\n")
			if ok {
				require.Equal(t, "== delivered "+commit, lines[len(lines)-1])
			} else {
				require.Equal(t, name(test.last), lines[len(lines)-1])
			}
			calls := c.calls(t, commit, "NEW", old, "OLD")
			for _, line := range strings.Split(calls, "\n") {
				if _, rest, found := strings.Cut(line, "--script_path="); found {
					calls = strings.ReplaceAll(calls, filepath.Dir(strings.Fields(rest)[0]), "TMP")
				}
			}
			require.Equal(t, test.calls, calls)
			left, err := os.ReadDir(temporary)
			require.NoError(t, err)
			require.Empty(t, left)
			require.NotContains(t, c.git(t, "worktree", "list"), "tree ")
		})
	}
}

// write writes the layout of an index of two platforms, each with a bill that names it, and returns the digests of the index and
// its images.
func write(t *testing.T, folder, name string) (index, amd64, arm64 string) {
	t.Helper()
	all := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	var digests []string
	for _, architecture := range []string{"amd64", "arm64"} {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for file, text := range map[string]string{name: "program", "sbom.cdx.json": "bill of " + name + " on " + architecture} {
			require.NoError(t, w.WriteHeader(&tar.Header{Name: file, Mode: 0o444, Size: int64(len(text))}))
			_, err := io.WriteString(w, text)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
		require.NoError(t, err)
		image, err := mutate.AppendLayers(empty.Image, layer)
		require.NoError(t, err)
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: architecture},
		}})
		digest, err := image.Digest()
		require.NoError(t, err)
		digests = append(digests, digest.String())
	}
	path, err := layout.Write(folder, empty.Index)
	require.NoError(t, err)
	require.NoError(t, path.AppendIndex(all))
	digest, err := all.Digest()
	require.NoError(t, err)
	return digest.String(), digests[0], digests[1]
}

func TestImagesAreSignedAndHaveTheirBills(t *testing.T) {
	c := newCheckout(t)
	c.program(t, "cosign", fmt.Sprintf(`while (($#)); do [[ $1 != --predicate ]] || { cat "$2" && echo; } >>%q; shift; done`, c.log))
	proxy, proxyAMD, proxyARM := write(t, filepath.Join(c.dir, "bazel-bin", "proxy", "image"), "proxy")
	rating, ratingAMD, ratingARM := write(t, filepath.Join(c.dir, "bazel-bin", "services", "rating", "image"), "rating")
	proxy, rating = "r.example/x/proxy@"+proxy, "r.example/x/rating@"+rating
	printed, ok := c.run(t, proxy+"\n"+rating+"\n", "tools/deliver/sign.sh")
	require.True(t, ok, printed)

	var want strings.Builder
	for _, image := range []struct{ reference, name, amd64, arm64 string }{{proxy, "proxy", proxyAMD, proxyARM}, {rating, "rating", ratingAMD, ratingARM}} {
		fmt.Fprintf(&want, "cosign sign --yes --recursive %s\n", image.reference)
		for _, platform := range [][2]string{{"amd64", image.amd64}, {"arm64", image.arm64}} {
			fmt.Fprintf(&want, "cosign attest --yes --type cyclonedx --predicate TMP/%[1]s-%[2]s.cdx.json r.example/x/%[1]s@%[3]s\nbill of %[1]s on %[2]s\n",
				image.name, platform[0], platform[1])
		}
	}
	calls := c.calls(t)
	_, rest, _ := strings.Cut(calls, "--predicate ")
	require.Equal(t, want.String(), strings.ReplaceAll(calls, filepath.Dir(strings.Fields(rest)[0]), "TMP"))
}

func TestWhatWasNotBuiltIsNotSigned(t *testing.T) {
	c := newCheckout(t)
	c.program(t, "cosign", "")
	digest, _, _ := write(t, filepath.Join(c.dir, "bazel-bin", "proxy", "image"), "proxy")
	other := "sha256:" + strings.Repeat("0", 64)
	for reference, want := range map[string]string{
		"r.example/proxy@" + other:  "r.example/proxy@" + other + " is not what was built: " + digest + "\n",
		"r.example/other@" + digest: "r.example/other@" + digest + " is none of our images\n",
	} {
		printed, ok := c.run(t, reference+"\n", "tools/deliver/sign.sh")
		require.False(t, ok)
		require.Contains(t, printed, want)
		require.NoFileExists(t, c.log)
	}
}

func TestSignaturesAreThoseOfTheWorkflow(t *testing.T) {
	image := func(name, digit string) string { return "r.example/x/" + name + "@sha256:" + strings.Repeat(digit, 64) }
	for name, test := range map[string]struct {
		images  []string
		checked []string // those that cosign was asked about
		printed string
	}{
		"signed":   {[]string{image("web", "2"), image("proxy", "1"), image("web", "2")}, []string{image("proxy", "1"), image("web", "2")}, "verified " + image("proxy", "1") + "\nverified " + image("web", "2") + "\n"},
		"one not":  {[]string{image("proxy", "1"), image("bad", "2"), image("web", "3")}, []string{image("bad", "2")}, ""},
		"no image": {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			t.Setenv("REGISTRY", "r.example/x")
			c.program(t, "bazel", fmt.Sprintf("for image in docker.io/library/nats:2 r-example/x/a@sha256:%064d %s; do echo \"  image: $image\"; done", 0, strings.Join(test.images, " ")))
			c.program(t, "cosign", `[[ $2 != */bad@* ]]`)
			printed, ok := c.run(t, "", "tools/deliver/verify.sh", "someone/rating")
			require.Equal(t, test.printed, printed)
			require.Equal(t, test.printed != "", ok)
			want := "bazel run --config=release //k8s:render_aks -- --registry r.example/x\n"
			for _, image := range test.checked {
				want += "cosign verify " + image + " --output text --certificate-oidc-issuer https://token.actions.githubusercontent.com" +
					" --certificate-identity https://github.com/someone/rating/.github/workflows/deliver.yml@refs/heads/main\n"
			}
			require.Equal(t, want, c.calls(t))
		})
	}
}
