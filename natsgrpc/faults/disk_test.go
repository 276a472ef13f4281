//go:build integration && linux

package faults_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// disk is a small file system.
type disk struct{ dir string }

// diskSize has room for a scenario, and is filled in a moment.
const diskSize = "size=64m"

// newDisk mounts a disk that is unmounted when the test ends.
func newDisk(t *testing.T) disk {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize), "mount a disk")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return disk{dir: dir}
}

// mountsVariable is set where the test's mounts are its own.
const mountsVariable = "FAULTS_TEST_MOUNTS"

// withMounts runs the test again, in a process that may mount and whose mounts nobody else sees, and reports whether this is
// that process. Root may do so; others may where the system lets them have user namespaces.
func withMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountsVariable) != "" {
		return true
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountsVariable+"=own")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	err = cmd.Start()
	require.False(t, errors.Is(err, os.ErrPermission), "this test mounts a file system: run it as root, or let users have user namespaces "+
		"(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0): %v", err)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	return false
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room on the disk.
func (d disk) fill(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, file.Close())
}

// empty makes room again.
func (d disk) empty(t *testing.T) {
	t.Helper()
	require.NoError(t, os.Remove(d.ballast()))
}

// The disk of the NATS server gets full, with calls in flight. JetStream says nothing of what it cannot store, so a call
// ends with its deadline; and it writes no more to a stream whose write has failed, so the server has to be restarted
// when there is room. Then the calls that have waited are answered.
//
// JetStream's own limit, max_file_store, is no stand-in for a full disk: the streams reserve their max_bytes of it when
// they are made, so that they cannot come upon it later.
func TestAFullDiskLosesNoCommand(t *testing.T) {
	if !withMounts(t) {
		return
	}
	d := newDisk(t)
	n := newNATS(t)
	n.StoreDir = filepath.Join(d.dir, "store")
	s := newScenarioOn(t, usual, n)
	startPool(t, 2, s.worker(s.url()))
	send := command(s.conn(s.url()))
	calls := run(t, size(), send, func(calls *load) {
		calls.await(size() / 4)
		d.fill(t)
		probe := 0
		require.Eventually(t, func() bool { // the first call that finds no room
			ctx, cancel := context.WithTimeout(t.Context(), outage())
			defer cancel()
			probe--
			return status.Code(send(ctx, probe)) == codes.DeadlineExceeded
		}, patience, time.Millisecond)
		d.empty(t)
		s.servers[0].kill()
		s.restart(0)
		calls.await(callers)
	})
	s.requireOnce(calls)
	requireEmpty(t, s.js(), commandStream)
}
