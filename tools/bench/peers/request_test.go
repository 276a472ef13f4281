package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAreComparedAsJSON(t *testing.T) {
	tests := []struct{ name, a, b, want string }{
		{"white space and order", `{"a":1,"b":[2]}`, `{ "b": [2], "a": 1 }`, ""},
		{"another value", `{"a":1}`, `{"a":2}`, "the answers differ:\n{\"a\":1}\n{\"a\":2}"},
		{"another number of the same value", `1.0`, `1`, "the answers differ:\n1.0\n1"},
		{"another member", `{"a":1}`, `{}`, "the answers differ:\n{\"a\":1}\n{}"},
		{"no JSON", `{}`, `oops`, `answer "oops": invalid character 'o' looking for beginning of value`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := sameJSON([]byte(test.a), []byte(test.b))
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
		})
	}
}

func TestAgreementNamesWhoDiffers(t *testing.T) {
	says := func(name, text string, err error) answerer {
		return answerer{name, func(context.Context) ([]byte, error) { return []byte(text), err }}
	}
	one, same, other := says("one", `{"a":1}`, nil), says("same", `{"a": 1}`, nil), says("other", `{"a":2}`, nil)
	require.NoError(t, agree(t.Context(), []answerer{one, same}))
	require.EqualError(t, agree(t.Context(), []answerer{one, same, other}), "one and other: the answers differ:\n{\"a\":1}\n{\"a\":2}")
	require.EqualError(t, agree(t.Context(), []answerer{one, says("broken", "", errors.New("down"))}), "broken: down")
}
