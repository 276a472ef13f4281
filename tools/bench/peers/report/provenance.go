// Package report writes what was measured, as CSV for programs, as Markdown tables and as SVG plots, each with what it was
// measured on and with, so that whoever reads one of them can do it again.
package report

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Provenance is on and with what something was measured. What cannot be told is "unknown".
type Provenance struct {
	// Command is the command line, which run from the top of the checkout measures it again.
	Command string
	// Revision is git's, the first twelve digits, with "and changes" if the work tree had any.
	Revision string
	// Time is when it began, in UTC.
	Time time.Time
	// CPU is the processor's model, Cores how many of them this process may use.
	CPU   string
	Cores int
	// Memory is the machine's, Kernel its system's.
	Memory, Kernel string
	// Go is the toolchain and platform, such as "go1.26.8 linux/amd64".
	Go string
	// Modules are the versions of what matters, such as "grpc v1.85.0, vanguard v0.4.0".
	Modules string
}

// Gather finds out on what this program runs. command is its command line; modules are the paths of modules whose versions
// matter, those of them that are linked in.
func Gather(ctx context.Context, command string, modules ...string) Provenance {
	return Provenance{
		Command:  command,
		Revision: revision(ctx),
		Time:     time.Now().UTC().Truncate(time.Second),
		CPU:      known(field("/proc/cpuinfo", "model name")),
		Cores:    runtime.NumCPU(),
		Memory:   memory(field("/proc/meminfo", "MemTotal")),
		Kernel:   known(firstLine("/proc/sys/kernel/osrelease")),
		Go:       fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Modules:  known(Versions(modules...)),
	}
}

// Lines says it all, in a few lines.
func (p Provenance) Lines() []string {
	return []string{
		"command: " + p.Command,
		fmt.Sprintf("machine: %s, %d cores, %s of memory, kernel %s", p.CPU, p.Cores, p.Memory, p.Kernel),
		fmt.Sprintf("versions: revision %s, %s, %s", p.Revision, p.Go, p.Modules),
		"begun: " + p.Time.Format(time.RFC3339),
	}
}

// major is the end of a module's path that is no name: /v2.
var major = regexp.MustCompile(`/v[0-9]+$`)

// Versions returns the names and versions of modules that are linked in, of those with the paths. A test's binary knows
// of none.
func Versions(paths ...string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return versions(info.Deps, paths)
}

func versions(linked []*debug.Module, paths []string) string {
	var all []string
	for _, each := range paths {
		for _, module := range linked {
			if module.Path == each {
				all = append(all, path.Base(major.ReplaceAllString(each, ""))+" "+module.Version)
			}
		}
	}
	return strings.Join(all, ", ")
}

// gitTimeout bounds each of git's commands.
const gitTimeout = 10 * time.Second

// revision asks git; `go run` leaves no revision in the program.
func revision(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return unknown
	}
	text := strings.TrimSpace(string(head))
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	if err == nil && len(changes) > 0 {
		text += " and changes"
	}
	return text
}

const unknown = "unknown"

func known(text string) string {
	if text == "" {
		return unknown
	}
	return text
}

// field returns the first value of a name in a file of lines "name: value"; none if there is no such file.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// memory says in GiB what /proc/meminfo does in kB, which are KiB.
func memory(text string) string {
	number, _ := strings.CutSuffix(text, " kB")
	kib, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return unknown
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

func firstLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
