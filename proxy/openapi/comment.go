package openapi

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	// internalComment is what AIP-192 keeps from the public.
	internalComment = regexp.MustCompile(`(?s)\(--.*?--\)`)
	// directive is a line for a linter.
	directive = regexp.MustCompile(`(?m)^[ \t]*buf:lint:.*$`)
	// sentenceEnd is a full stop with a space or the end behind it.
	sentenceEnd = regexp.MustCompile(`\.(\s|$)`)
)

// commentOf returns the comment of a descriptor as CommonMark, empty if there is none.
func commentOf(d protoreflect.Descriptor) string {
	location := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := location.LeadingComments
	if strings.TrimSpace(text) == "" {
		text = location.TrailingComments
	}
	text = directive.ReplaceAllString(internalComment.ReplaceAllString(text, ""), "")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.TrimPrefix(line, " "), " \t\r") // one space is behind the slashes
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// summaryOf returns the first sentence of a comment, in one line and without its full stop.
func summaryOf(comment string) string {
	first, _, _ := strings.Cut(comment, "\n\n")
	if end := sentenceEnd.FindStringIndex(first); end != nil {
		first = first[:end[0]]
	}
	return strings.Join(strings.Fields(first), " ")
}

// paragraphs joins texts, without the empty ones.
func paragraphs(texts ...string) string {
	var kept []string
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, "\n\n")
}
