package main

import (
	"bytes"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The programs in images are ELF, and so is a test on Linux.

func TestBill(t *testing.T) {
	program := thisProgram(t)
	packages, err := linkedPackages(program)
	require.NoError(t, err)
	require.Contains(t, packages, "github.com/google/go-containerregistry/pkg/v1/layout")
	require.Contains(t, packages, "github.com/stretchr/testify/require")
	require.NotContains(t, packages, "archive/tar")

	for name, test := range map[string]struct{ bill, want string }{
		"not JSON":      {"x", "the bill of materials: invalid character 'x' looking for beginning of value"},
		"no components": {"{}", "the bill of materials has no components"},
		"a version in the purl only": {
			bill(`{"type": "library", "name": "a.example", "purl": "pkg:golang/a.example@v1.0.0"}`),
			`the bill's component "a.example" "" has the purl "pkg:golang/a.example@v1.0.0"`,
		},
		"a module is missing": {
			bill(`{"type": "library", "name": "github.com/stretchr/testify", "version": "v1.0.0", "purl": "pkg:golang/github.com/stretchr/testify@v1.0.0"}`),
			"the bill lacks the module of github.com/google/go-containerregistry/pkg/v1/layout",
		},
		"no standard library": {
			bill(`{"type": "library", "name": "a.example", "version": "v1.0.0", "purl": "pkg:golang/a.example@v1.0.0"}`),
			"the bill has the standard library: it is false, must be true",
		},
		"no packages of npm": {
			bill(`{"type": "library", "name": "a.example", "version": "v1.0.0", "purl": "pkg:golang/a.example@v1.0.0"}`),
			"the bill has packages of npm: it is false, must be true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, checkBill([]byte(test.bill), program, &expectation{Program: "check", NPM: true}), test.want)
		})
	}
}

func bill(component string) string {
	return `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [` + component + `],
		"metadata": {"component": {"type": "application", "name": "check", "purl": "pkg:golang/github.com/codingflow/rating"}}}`
}

func TestProgram(t *testing.T) {
	program := thisProgram(t)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	require.ErrorContains(t, checkProgram(program, other), "the program's machine: it is ")
	require.ErrorContains(t, checkProgram(bytes.Repeat([]byte("#!/bin/sh\n"), 10), "amd64"), "the program: bad magic number")
	_, err := linkedPackages(bytes.Repeat([]byte("#!/bin/sh\n"), 10))
	require.ErrorContains(t, err, "the program: bad magic number")
}

// thisProgram returns the test's own binary.
func thisProgram(t *testing.T) []byte {
	path, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}
