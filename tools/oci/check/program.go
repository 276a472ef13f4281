package main

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkProgram asserts that a binary is for the architecture, needs no dynamic linker, and has no symbols for debuggers.
// Stack traces do without those.
func checkProgram(content []byte, architecture string) error {
	binary, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("the program: %w", err)
	}
	defer binary.Close()
	problems := []error{equal("the program's machine", binary.Machine, machines[architecture])}
	for _, segment := range binary.Progs {
		if segment.Type == elf.PT_INTERP {
			problems = append(problems, errors.New("the program needs a dynamic linker"))
		}
	}
	for _, section := range binary.Sections {
		if section.Name == ".symtab" || strings.HasPrefix(section.Name, ".debug_") || strings.HasPrefix(section.Name, ".zdebug_") {
			problems = append(problems, fmt.Errorf("the program is not stripped: it has %s", section.Name))
		}
	}
	return errors.Join(problems...)
}

// linkedPackages returns the import paths of the packages, but main and the standard library's, whose functions are in a
// binary, sorted. They come from the table of which Go prints stack traces.
func linkedPackages(content []byte) ([]string, error) {
	binary, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("the program: %w", err)
	}
	defer binary.Close()
	section := binary.Section(".gopclntab")
	if section == nil {
		return nil, errors.New("the program has no .gopclntab: Go did not make it")
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("the program: %w", err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, 0))
	if err != nil {
		return nil, fmt.Errorf("the program: %w", err)
	}
	packages := map[string]bool{}
	for _, function := range table.Funcs {
		// the last element's dots are escaped, and only the standard library's first elements have none
		name := strings.ReplaceAll(function.PackageName(), "%2e", ".")
		if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
			packages[name] = true
		}
	}
	return slices.Sorted(maps.Keys(packages)), nil
}
