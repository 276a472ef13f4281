package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/codingflow/rating/natsgrpc"
	_ "github.com/codingflow/rating/proto/rating/v1" // the services that can be named
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

type permissionsCommand struct {
	Role     string   `arg:"" enum:"server,client" help:"server: pulls the services' calls and answers them. client: calls them, as the proxy does."`
	Services []string `arg:"" help:"Full names of the services, such as rating.v1.UserService."`
	Inbox    string   `required:"" help:"Prefix of the user's inboxes, which no other user may have (nats.CustomInboxPrefix)."`
}

// Run prints the permissions of a NATS user.
func (c *permissionsCommand) Run() error {
	return c.write(os.Stdout)
}

// write writes the value of `permissions` in NATS's configuration, of whose syntax JSON is part.
func (c *permissionsCommand) write(w io.Writer) error {
	services := make([]protoreflect.ServiceDescriptor, len(c.Services))
	for i, name := range c.Services {
		descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return fmt.Errorf("unknown service %s", name)
		}
		service, ok := descriptor.(protoreflect.ServiceDescriptor)
		if !ok {
			return fmt.Errorf("%s is not a service", name)
		}
		services[i] = service
	}
	generate := natsgrpc.ConnPermissions
	if c.Role == "server" {
		generate = natsgrpc.ServerPermissions
	}
	p := generate(c.Inbox, services...)
	type allow struct {
		Allow []string `json:"allow"`
	}
	type responses struct {
		Max     int    `json:"max"`
		Expires string `json:"expires"`
	}
	config := struct {
		Publish   allow      `json:"publish"`
		Subscribe allow      `json:"subscribe"`
		Responses *responses `json:"allow_responses,omitempty"`
	}{Publish: allow{p.Publish}, Subscribe: allow{p.Subscribe}}
	if p.Responses {
		config.Responses = &responses{Max: 1, Expires: "1m"}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(config)
}
