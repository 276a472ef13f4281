package nack

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// apiVersion is the version of all of NACK's resources.
const apiVersion = "jetstream.nats.io/v1beta2"

// Metadata is what Kubernetes knows a resource by.
type Metadata struct {
	Name      string            `yaml:"name"`
	Namespace string            `yaml:"namespace,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty"`
}

// Resource is a resource of Kubernetes: what [Account], [Stream] and [Consumer] return.
type Resource struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata"`
	Spec       any      `yaml:"spec"`
}

// Encode returns resources as the documents of one YAML stream.
func Encode(resources ...Resource) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	for _, resource := range resources {
		if err := encoder.Encode(resource); err != nil {
			return nil, err
		}
	}
	err := encoder.Close()
	return text.Bytes(), err
}

// Account returns an Account: servers to connect to as the user whose NKey's seed is at key in a Secret. Streams and
// consumers in the same namespace name it.
func Account(metadata Metadata, secret, key string, servers ...string) Resource {
	return Resource{apiVersion, "Account", metadata, accountSpec{
		Servers: servers,
		NKey:    nkeySpec{Secret: secretSpec{secret}, Seed: key},
	}}
}

type accountSpec struct {
	Servers []string `yaml:"servers"`
	NKey    nkeySpec `yaml:"nkey"`
}

type nkeySpec struct {
	Secret secretSpec `yaml:"secret"`
	Seed   string     `yaml:"seed"`
}

type secretSpec struct {
	Name string `yaml:"name"`
}

// label returns the name of a stream or consumer as a DNS label, which is what names in Kubernetes are made of. Its result
// is the same for names that differ in case, or in "_" and "-", only.
func label(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// unlimited says "no limit", for which JetStream has two numbers, in the one that NACK takes.
func unlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// nothingLeft returns an error that names the first setting of a configuration that is not zero.
func nothingLeft(config any) error {
	fields := reflect.ValueOf(config)
	for i := range fields.NumField() {
		if !fields.Field(i).IsZero() {
			return fmt.Errorf("%s is not carried", fields.Type().Field(i).Name)
		}
	}
	return nil
}
