package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

const (
	goPrefix  = "pkg:golang/"
	npmPrefix = "pkg:npm/"
)

// checkBill asserts that a bill of materials names the module of each package that is linked into the program, the standard
// library, and packages of npm where there are some.
func checkBill(content, program []byte, want *expectation) error {
	var bill cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(content), cyclonedx.BOMFileFormatJSON).Decode(&bill); err != nil {
		return fmt.Errorf("the bill of materials: %w", err)
	}
	if bill.Components == nil || bill.Metadata == nil || bill.Metadata.Component == nil {
		return errors.New("the bill of materials has no components")
	}
	subject := bill.Metadata.Component
	problems := []error{
		equal("the bill's format", bill.SpecVersion, cyclonedx.SpecVersion1_6),
		equal("the bill's subject", subject.Name, want.Program),
	}
	modules := []string{strings.TrimPrefix(subject.PackageURL, goPrefix)}
	var npm, standard bool
	for _, component := range *bill.Components {
		if component.Name == "" || component.Version == "" || !strings.HasSuffix(component.PackageURL, "@"+escaped(component.Version)) {
			problems = append(problems, fmt.Errorf("the bill's component %q %q has the purl %q", component.Name, component.Version, component.PackageURL))
		}
		switch {
		case strings.HasPrefix(component.PackageURL, npmPrefix):
			npm = true
		case component.Name == "stdlib":
			standard = true
		default:
			modules = append(modules, component.Name)
		}
	}
	problems = append(problems,
		equal("the bill has the standard library", standard, true),
		equal("the bill has packages of npm", npm, want.NPM))
	packages, err := linkedPackages(program)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	for _, missing := range uncovered(packages, modules) {
		problems = append(problems, fmt.Errorf("the bill lacks the module of %s", missing))
	}
	return errors.Join(problems...)
}

// escaped returns a version as purls have it.
func escaped(version string) string { return strings.ReplaceAll(version, "+", "%2B") }

// uncovered returns the packages that are in none of the modules.
func uncovered(packages, modules []string) (missing []string) {
next:
	for _, name := range packages {
		for _, module := range modules {
			if name == module || strings.HasPrefix(name, module+"/") {
				continue next
			}
		}
		missing = append(missing, name)
	}
	return missing
}
