package once

// The placeholders are those of PostgreSQL. SQLite numbers them in the order in which they first occur, which is theirs.

func (t Table) claimStatement() string {
	return "INSERT INTO " + string(t) + " (id, digest, answer, create_time) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING"
}

func (t Table) readStatement() string {
	return "SELECT digest, answer FROM " + string(t) + " WHERE id = $1"
}

func (t Table) recordStatement() string {
	return "UPDATE " + string(t) + " SET digest = $1, answer = $2 WHERE id = $3"
}

func (t Table) sweepStatement() string {
	return "DELETE FROM " + string(t) +
		" WHERE id IN (SELECT id FROM " + string(t) + " WHERE create_time < $1 ORDER BY create_time LIMIT $2)"
}
