package dbtrace

import (
	"strings"
	"unicode"
)

// operations are those that have tables.
var operations = map[string]bool{"SELECT": true, "INSERT": true, "UPDATE": true, "DELETE": true}

// summary returns what a statement does, and what to: "SELECT", "SELECT users". The table is the first that the statement
// itself names, or, where all are named in parentheses, the first of those. It reads the SQL of constants in code, so neither
// comments nor quotes.
func summary(statement string) (operation, name string) {
	var outer, inner string
	depth, previous := 0, ""
	for word := range words(statement) {
		upper := strings.ToUpper(word)
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case operation == "" && operations[upper]:
			operation = upper
		case !isTable(previous, operation), strings.HasPrefix(upper, "LATERAL"):
		case depth == 0 && outer == "":
			outer = word
		case inner == "":
			inner = word
		}
		previous = upper
	}
	switch {
	case operation == "":
		first, _, _ := strings.Cut(strings.TrimSpace(statement), " ")
		return strings.ToUpper(first), strings.ToUpper(first)
	case outer != "":
		return operation, operation + " " + outer
	case inner != "":
		return operation, operation + " " + inner
	}
	return operation, operation
}

// isTable reports whether a table follows a word.
func isTable(word, operation string) bool {
	switch word {
	case "FROM", "JOIN", "INTO":
		return true
	case "UPDATE": // and not FOR UPDATE or DO UPDATE
		return operation == "UPDATE"
	}
	return false
}

// words yields the words of a statement, parentheses among them.
func words(statement string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for rest := statement; rest != ""; {
			end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(),;", r) })
			if end < 0 {
				end = len(rest)
			}
			if end > 0 && !yield(rest[:end]) {
				return
			}
			if rest = rest[end:]; rest == "" {
				return
			}
			if (rest[0] == '(' || rest[0] == ')') && !yield(rest[:1]) {
				return
			}
			rest = strings.TrimLeftFunc(rest[1:], unicode.IsSpace)
		}
	}
}
