package once

import "fmt"

// A Dialect is a database's way to write a table's definition. Everything else is the same for all.
type Dialect int

// The databases that are known.
const (
	SQLite Dialect = iota
	PostgreSQL
)

// Schema returns the statements that create the table and its index, to be run or to be copied to a migration. Times are
// microseconds since 1970.
func (t Table) Schema(d Dialect) string {
	blob, integer, suffix := "BLOB", "INTEGER", " STRICT"
	if d == PostgreSQL {
		blob, integer, suffix = "BYTEA", "BIGINT", ""
	}
	return fmt.Sprintf(`CREATE TABLE %[1]s (
    id TEXT NOT NULL PRIMARY KEY,
    digest %[2]s NOT NULL,
    answer %[2]s NOT NULL,
    create_time %[3]s NOT NULL
)%[4]s;

CREATE INDEX %[1]s_by_create_time ON %[1]s (create_time);
`, t, blob, integer, suffix)
}
