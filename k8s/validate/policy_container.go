package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ours are the images that this project builds; the deploy tool puts their digests in.
var ours = []string{"proxy", "rating", "web"}

func images(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		for _, container := range w.containers() {
			image, err := reference.ParseNamed(container.Image)
			if err != nil {
				found.add(w, "container %s: image %q: %v", container.Name, container.Image, err)
				continue
			}
			_, digested := image.(reference.Digested)
			tagged, ok := image.(reference.Tagged)
			switch {
			case digested:
			case slices.Contains(ours, path.Base(image.Name())):
				found.add(w, "container %s: image %q of ours has no digest", container.Name, container.Image)
			case !ok || tagged.Tag() == "latest":
				found.add(w, "container %s: image %q has neither a digest nor a tag other than latest", container.Name, container.Image)
			}
		}
	}
	return found
}

func hardening(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		inherited := w.template.Spec.SecurityContext
		if inherited == nil {
			inherited = new(corev1.PodSecurityContext)
		}
		for _, container := range w.containers() {
			security := container.SecurityContext
			if security == nil {
				security = new(corev1.SecurityContext)
			}
			must := func(ok bool, rule string) {
				if !ok {
					found.add(w, "container %s: securityContext: %s", container.Name, rule)
				}
			}
			must(is(or(security.RunAsNonRoot, inherited.RunAsNonRoot), true), "runAsNonRoot is not true")
			must(is(security.ReadOnlyRootFilesystem, true), "readOnlyRootFilesystem is not true")
			must(is(security.AllowPrivilegeEscalation, false), "allowPrivilegeEscalation is not false")
			must(security.Capabilities != nil && slices.Equal(security.Capabilities.Drop, []corev1.Capability{"ALL"}) &&
				len(security.Capabilities.Add) == 0, "capabilities do not drop ALL and add none")
			seccomp := or(security.SeccompProfile, inherited.SeccompProfile)
			must(seccomp != nil && seccomp.Type == corev1.SeccompProfileTypeRuntimeDefault, "seccompProfile is not RuntimeDefault")
		}
	}
	return found
}

func or[T any](value, otherwise *T) *T {
	if value != nil {
		return value
	}
	return otherwise
}

func is[T comparable](value *T, want T) bool { return value != nil && *value == want }

func tokens(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		account := w.GetNamespace() + "/" + w.template.Spec.ServiceAccountName
		if !c.bound[account] && !is(w.template.Spec.AutomountServiceAccountToken, false) {
			found.add(w, "automountServiceAccountToken is not false, and no role is bound to ServiceAccount %s", account)
		}
	}
	return found
}

func resources(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		for _, container := range w.containers() {
			must := func(list corev1.ResourceList, name corev1.ResourceName, field string) {
				if quantity, ok := list[name]; !ok || quantity.IsZero() {
					found.add(w, "container %s: resources.%s.%s is not set", container.Name, field, name)
				}
			}
			must(container.Resources.Requests, corev1.ResourceCPU, "requests")
			must(container.Resources.Requests, corev1.ResourceMemory, "requests")
			must(container.Resources.Limits, corev1.ResourceMemory, "limits")
			text, ok := c.environment(w.GetNamespace(), container)["GOMEMLIMIT"]
			if !ok {
				continue
			}
			soft, err := resource.ParseQuantity(strings.TrimSuffix(text, "B"))
			if err != nil {
				found.add(w, "container %s: GOMEMLIMIT %q: %v", container.Name, text, err)
			} else if limit := container.Resources.Limits.Memory(); soft.Value() > limit.Value()/100*95 {
				found.add(w, "container %s: GOMEMLIMIT %s is above 95 %% of the limit of memory, %s: the rest is what Go does not count", container.Name, text, limit)
			}
		}
	}
	return found
}

// slowStart are the containers that wait for others, or recover what they keep, before they are ready: a liveness probe alone would kill them.
var slowStart = []string{"nats", "postgres", "proxy", "rating"}

func probes(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		for _, container := range w.containers() {
			each := map[string]*corev1.Probe{"livenessProbe": container.LivenessProbe, "readinessProbe": container.ReadinessProbe, "startupProbe": container.StartupProbe}
			runs := w.longRunning && (container.RestartPolicy != nil || slices.ContainsFunc(w.template.Spec.Containers,
				func(main corev1.Container) bool { return main.Name == container.Name }))
			for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
				probe := each[name]
				needed := name != "startupProbe" || slices.Contains(slowStart, container.Name)
				switch port, ok := probePort(probe); {
				case probe == nil && runs && needed:
					found.add(w, "container %s: has no %s", container.Name, name)
				case ok && !(&pods{ports: container.Ports}).has(port, corev1.ProtocolTCP):
					found.add(w, "container %s: %s: has no port %s", container.Name, name, port.String())
				}
			}
		}
	}
	return found
}

// probePort is the port that a probe connects to, if it connects to one.
func probePort(probe *corev1.Probe) (intstr.IntOrString, bool) {
	switch {
	case probe == nil:
	case probe.HTTPGet != nil:
		return probe.HTTPGet.Port, true
	case probe.TCPSocket != nil:
		return probe.TCPSocket.Port, true
	case probe.GRPC != nil:
		return intstr.FromInt32(probe.GRPC.Port), true
	}
	return intstr.IntOrString{}, false
}
