//go:build integration

package generate_test

import (
	"testing"

	"github.com/codingflow/rating/tools/dev/generate"
	"github.com/codingflow/rating/tools/dev/workspace"
	"github.com/stretchr/testify/require"
)

func TestTheCommittedCodeIsWhatTheProtosGenerate(t *testing.T) {
	root, err := workspace.Find()
	require.NoError(t, err)
	require.NoError(t, generate.Check(t.Context(), root))
}
