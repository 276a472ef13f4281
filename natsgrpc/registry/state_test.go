package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// holding returns a state with what the keys of a service "a" say, in this order.
func holding(keys ...string) *state {
	s := newState()
	for i, text := range keys {
		value := ""
		if latest, found := strings.CutPrefix(text, "latest="); found {
			text, value = "latest", latest
		}
		k, ok := parseKey("a." + text)
		if !ok {
			panic(text)
		}
		s.put(k, []byte(value), uint64(i+1))
	}
	return s
}

func TestTheOrderOfVersions(t *testing.T) {
	tests := []struct {
		name string
		keys []string
		want []string // "version" of one that waits, "version!" of one that is served
	}{
		{"none", []string{"latest=v1"}, nil},
		{"one that lives", []string{"version.v1", "instance.v1.a"}, []string{"v1!"}},
		{"one without instances", []string{"version.v1"}, []string{"v1!"}},
		{"a lease without a version", []string{"version.v1", "instance.v2.a"}, []string{"v1!"}},
		{"the latest goes first", []string{"version.v1", "version.v2", "instance.v1.a", "instance.v2.a", "latest=v1"}, []string{"v1!", "v2!"}},
		{"then the newest", []string{"version.v1", "version.v2", "version.v3", "instance.v1.a", "instance.v2.a", "instance.v3.a", "latest=v1"}, []string{"v1!", "v3!", "v2!"}},
		{"the newest where the latest is gone", []string{"version.v1", "version.v2", "instance.v1.a", "instance.v2.a", "latest=v3"}, []string{"v2!", "v1!"}},
		{"the dead are not served", []string{"version.v1", "version.v2", "instance.v1.a", "latest=v2"}, []string{"v2", "v1!"}},
		{"but the latest, when all are dead", []string{"version.v1", "version.v2", "latest=v1"}, []string{"v1!", "v2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, version := range holding(test.keys...).services["a"].sorted() {
				text := version.ID
				if version.Served {
					text += "!"
				}
				got = append(got, text)
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestOnlyTheNewestVersionsAreLookedAt(t *testing.T) {
	s := newState()
	for i := range maxVersions + 5 {
		s.put(key{service: "a", kind: kindVersion, version: fmt.Sprintf("v%02d", i)}, nil, uint64(i+1))
	}
	sorted := s.services["a"].sorted()
	require.Len(t, sorted, maxVersions)
	require.Equal(t, "v20", sorted[0].ID)
}

func TestKeys(t *testing.T) {
	for _, text := range []string{"a_v1_S.version.x", "a_v1_S.instance.x.y", "a_v1_S.latest"} {
		k, ok := parseKey(text)
		require.True(t, ok, text)
		require.Equal(t, text, k.String())
	}
	long := string(make([]byte, maxToken+1))
	for _, text := range []string{"", "a", "a.x", "a.latest.x", "a.version", "a.version.x.y", "a.instance.x", "a.instance.x.y.z", "a.version." + long} {
		_, ok := parseKey(text)
		require.False(t, ok, text)
	}
}

// An instance whose lease was not found after a time without NATS has the time of another one to come back.
func TestThoseWhoCouldNotRenewAreKept(t *testing.T) {
	now := time.Now()
	before := holding("version.v1", "instance.v1.a", "instance.v1.b", "latest=v1")
	after := holding("version.v1", "instance.v1.b", "version.v2", "instance.v2.c", "latest=v2")
	after.keep(before, now.Add(Lease))
	require.Equal(t, 3, after.count())
	require.Equal(t, "v2", after.services["a"].latest)
	require.Equal(t, now.Add(Lease), after.expire(now, 0))
	require.Zero(t, after.expire(now.Add(Lease), 0))
	require.Equal(t, 2, after.count())

	empty := newState() // as a bucket that was lost and made again is
	empty.keep(before, now.Add(Lease))
	require.Equal(t, 2, empty.count())
	require.Equal(t, "v1", empty.services["a"].latest)
	again := newState()
	again.keep(empty, now.Add(2*Lease))
	require.Equal(t, now.Add(Lease), again.expire(now, 0), "no longer than they were promised")
}
