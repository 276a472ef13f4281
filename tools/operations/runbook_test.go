package operations

import (
	"regexp"
	"strings"
)

const (
	runbookFile = root + "docs/runbook.md"
	runbookURL  = "https://github.com/codingflow/rating/blob/main/docs/runbook.md#"
)

// headings returns the anchors of a Markdown file's headings, as GitHub makes them.
func headings(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(anchor, " ", "-"))
	}
	return all
}

// namedAlerts returns the alerts that the runbook has sections for: the names in code at the beginning of a line.
func namedAlerts(text string) []string {
	var all []string
	for _, line := range regexp.MustCompile("(?m)^`[A-Z][A-Za-z]+`(, `[A-Z][A-Za-z]+`)*\\.").FindAllString(text, -1) {
		for _, name := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(line, -1) {
			all = append(all, name[1])
		}
	}
	return all
}
