package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Table is rows of cells; each row has a cell for each column.
type Table struct {
	Columns []string
	Rows    [][]string
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

func (t *Table) validate() error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has %d cells for %d columns", i+1, len(row), len(t.Columns))
		}
	}
	return nil
}

// WriteCSV writes the table after lines that begin with "#" and say what it was measured on, which ReadCSV skips.
func (t *Table) WriteCSV(to io.Writer, p Provenance) error {
	if err := t.validate(); err != nil {
		return err
	}
	for _, line := range p.Lines() {
		if _, err := fmt.Fprintln(to, "#", line); err != nil {
			return err
		}
	}
	writer := csv.NewWriter(to)
	if err := writer.Write(t.Columns); err != nil {
		return err
	}
	return writer.WriteAll(t.Rows)
}

// ReadCSV reads what WriteCSV has written.
func ReadCSV(from io.Reader) (Table, error) {
	reader := csv.NewReader(from)
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	switch {
	case err != nil:
		return Table{}, fmt.Errorf("read table: %w", err)
	case len(rows) == 0:
		return Table{}, errors.New("read table: there is none")
	}
	return Table{Columns: rows[0], Rows: rows[1:]}, nil
}

// Comments returns the lines that say what a table that WriteCSV has written was measured on.
func Comments(text []byte) []string {
	var all []string
	for line := range strings.Lines(string(text)) {
		about, found := strings.CutPrefix(line, "#")
		if !found {
			break
		}
		all = append(all, strings.TrimSpace(about))
	}
	return all
}

// WriteMarkdown writes the table; columns of numbers are aligned to the right.
func (t *Table) WriteMarkdown(to io.Writer) error {
	if err := t.validate(); err != nil {
		return err
	}
	rules := make([]string, len(t.Columns))
	for i := range rules {
		rules[i] = "---"
		if t.numeric(i) {
			rules[i] = "---:"
		}
	}
	for _, row := range append([][]string{t.Columns, rules}, t.Rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		if _, err := fmt.Fprintf(to, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}

// numeric reports whether each cell of a column is empty or begins with a number.
func (t *Table) numeric(column int) bool {
	for _, row := range t.Rows {
		number, _, _ := strings.Cut(row[column], " ")
		if _, err := strconv.ParseFloat(number, 64); err != nil && number != "" {
			return false
		}
	}
	return true
}

// WriteMarkdown writes on and with what something was measured, as a list.
func (p Provenance) WriteMarkdown(to io.Writer) error {
	for _, line := range p.Lines() {
		key, value, _ := strings.Cut(line, ": ")
		if key == "command" {
			value = "`" + value + "`"
		}
		if _, err := fmt.Fprintf(to, "- %s: %s\n", key, value); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes a file, which replaces one of that name.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := write(f); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
