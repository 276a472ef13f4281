package once_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/codingflow/rating/natsgrpc/once"
)

func TestSchema(t *testing.T) {
	const jobs once.Table = "jobs"
	require.Equal(t, `CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    create_time INTEGER NOT NULL
) STRICT;

CREATE INDEX jobs_by_create_time ON jobs (create_time);
`, jobs.Schema(once.SQLite))
	require.Equal(t, `CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    create_time BIGINT NOT NULL
);

CREATE INDEX jobs_by_create_time ON jobs (create_time);
`, jobs.Schema(once.PostgreSQL))
}
