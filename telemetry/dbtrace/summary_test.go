package dbtrace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummary(t *testing.T) {
	for statement, want := range map[string]string{
		"begin":           "BEGIN",
		"BEGIN IMMEDIATE": "BEGIN",
		" COMMIT ":        "COMMIT",
		"SHOW x":          "SHOW",
		"":                "",
		"SELECT 1":        "SELECT",
		"select a from b": "SELECT b",
		"SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)":                                                "SELECT users",
		"SELECT id, (SELECT sum(x) FROM counts WHERE s = services.id) FROM services WHERE id = $1":        "SELECT services",
		"SELECT a FROM ratings JOIN users ON users.id = user_id":                                          "SELECT ratings",
		"SELECT id FROM users WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE":                  "SELECT users",
		"\nINSERT INTO requests(id) VALUES ($1)\nON CONFLICT DO UPDATE SET id = 1":                        "INSERT requests",
		"INSERT INTO ratings (id) SELECT id FROM unnest($1) AS new (id) WHERE EXISTS (SELECT FROM users)": "INSERT ratings",
		"UPDATE users SET a = (SELECT b FROM c)":                                                          "UPDATE users",
		"DELETE FROM ratings WHERE id IN (SELECT id FROM ratings WHERE user_id = $1 FOR UPDATE)":          "DELETE ratings",
		"WITH matches AS MATERIALIZED (\n    SELECT id FROM users WHERE id > $1)\n" +
			"SELECT found.* FROM (SELECT id FROM matches) AS page CROSS JOIN LATERAL (SELECT id FROM users) AS found": "SELECT users",
		"SELECT ((((": "SELECT",
		"FROM":        "FROM",
	} {
		operation, name := summary(statement)
		require.Equal(t, want, name, statement)
		require.Contains(t, name, operation)
	}
}
