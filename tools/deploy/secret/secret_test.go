package secret

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		annotation string
		want       Recipe
		err        string
	}{
		"none":      {annotation: ""},
		"a pair":    {annotation: "seed=nkey-seed,public=nkey-public", want: Recipe{"seed": NKeySeed, "public": NKeyPublic}},
		"blanks":    {annotation: "password=random, keys=key", want: Recipe{"password": Random, "keys": Key}},
		"no kind":   {annotation: "password", err: `annotation deploy.codingflow.com/generate: "password" is not KEY=KIND`},
		"no key":    {annotation: "=random", err: `annotation deploy.codingflow.com/generate: "=random" is not KEY=KIND`},
		"an end":    {annotation: "a=key,", err: `annotation deploy.codingflow.com/generate: "" is not KEY=KIND`},
		"twice":     {annotation: "a=key,a=random", err: "annotation deploy.codingflow.com/generate: a is there twice"},
		"a new one": {annotation: "a=uuid", err: `annotation deploy.codingflow.com/generate: a has the kind "uuid", must have nkey-seed, nkey-public, random or key`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.annotation)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestSeedAndPublicKeyAreOfOnePair(t *testing.T) {
	values, err := Recipe{"seed": NKeySeed, "public": NKeyPublic}.Make()
	require.NoError(t, err)
	pair, err := nkeys.FromSeed([]byte(values["seed"]))
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	require.Equal(t, public, values["public"])
	require.True(t, nkeys.IsValidPublicUserKey(public))
}

func TestPasswordsAndKeysHave32RandomBytes(t *testing.T) {
	values, err := Recipe{"password": Random, "another": Random, "key": Key}.Make()
	require.NoError(t, err)
	password, err := base64.RawURLEncoding.DecodeString(values["password"])
	require.NoError(t, err)
	require.Len(t, password, 32)
	key, err := base64.StdEncoding.DecodeString(values["key"])
	require.NoError(t, err)
	require.Len(t, key, 32)
	require.NotEqual(t, values["password"], values["another"])
	require.NotEqual(t, password, key)
}

// FuzzParse asserts that what is accepted says the same when it is written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "seed=nkey-seed,public=nkey-public", "a=key, b=random", "a==key", ",", "=", "a=key,a=key"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, annotation string) {
		recipe, err := Parse(annotation)
		if err != nil {
			require.Nil(t, recipe)
			return
		}
		var entries []string
		for _, key := range recipe.Keys() {
			entries = append(entries, key+"="+string(recipe[key]))
		}
		again, err := Parse(strings.Join(entries, ","))
		require.NoError(t, err)
		require.Equal(t, recipe, again)
	})
}
