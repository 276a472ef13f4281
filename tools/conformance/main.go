// Command conformance lets protobuf's conformance suite test proxy/jsonwire. The suite's runner starts it, sends requests
// to its standard input, and reads the answers from its standard output.
//
//	conformance IMAGE
//
// IMAGE is a file with the suite's protos, compiled to a FileDescriptorSet. What asks for JSON neither as input nor as
// output is skipped.
//
// The test of this package downloads the runner, compiles the protos and runs all cases:
//
//	go test -tags integration ./tools/conformance
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

type cli struct {
	Image string `arg:"" type:"existingfile" help:"File with the suite's protos as a FileDescriptorSet."`
}

func main() {
	var c cli
	kong.Parse(&c, kong.Name("conformance"), kong.Description("The testee of protobuf's conformance suite."), kong.UsageOnError())
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func (c *cli) run() error {
	files, err := readImage(c.Image)
	if err != nil {
		return err
	}
	t, err := newTestee(files)
	if err != nil {
		return err
	}
	return t.serve(bufio.NewReader(os.Stdin), os.Stdout)
}
