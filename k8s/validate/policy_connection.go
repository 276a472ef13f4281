package validate

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// usualPorts are those of URLs without one.
var usualPorts = map[string]int32{"http": 80, "https": 443, "nats": 4222, "postgres": 5432}

// connections follows the URLs in the environment of containers, and the routes of gateways, to services of the rendering.
func connections(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		source := c.podsOf(w.Object)
		for _, container := range w.containers() {
			environment := c.environment(w.GetNamespace(), container)
			for _, name := range slices.Sorted(maps.Keys(environment)) {
				for text := range strings.SplitSeq(environment[name], ",") {
					namespace, service, port, ok := inCluster(text, w.GetNamespace())
					if _, ours := c.namespaces[namespace]; !ok || !ours {
						continue
					}
					if problem := c.reach(source, namespace, service, port); problem != "" {
						found.add(w, "container %s: env %s: %s", container.Name, name, problem)
					}
				}
			}
		}
	}
	for _, object := range c.objects {
		if object.GroupVersionKind().GroupKind().String() != "HTTPRoute.gateway.networking.k8s.io" {
			continue
		}
		route, _ := as[gatewayv1.HTTPRoute](object)
		for _, parent := range route.Spec.ParentRefs {
			source := c.podsOf(c.find(gatewayv1.GroupName, "Gateway", object.GetNamespace(), string(parent.Name)))
			for _, rule := range route.Spec.Rules {
				for _, backend := range rule.BackendRefs {
					if source == nil || backend.Port == nil || c.servicePort(object.GetNamespace(), string(backend.Name), backend.Port) != "" {
						continue // another policy says so
					}
					if problem := c.reach(source, object.GetNamespace(), string(backend.Name), *backend.Port); problem != "" {
						found.add(object, "backendRefs: %s", problem)
					}
				}
			}
		}
	}
	return found
}

// podsOf are the pods of a workload or a custom resource.
func (c *Cluster) podsOf(object *Object) *pods {
	index := slices.IndexFunc(c.pods, func(p *pods) bool { return p.of == object })
	if object == nil || index < 0 {
		return nil
	}
	return c.pods[index]
}

// inCluster takes a URL of a service apart: SERVICE, SERVICE.NAMESPACE or SERVICE.NAMESPACE.svc and what follows.
func inCluster(text, namespace string) (string, string, int32, bool) {
	parsed, err := url.Parse(strings.TrimSpace(text))
	if err != nil || parsed.Hostname() == "" {
		return "", "", 0, false
	}
	port, ok := usualPorts[parsed.Scheme]
	if text := parsed.Port(); text != "" {
		number, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return "", "", 0, false
		}
		port, ok = int32(number), true
	}
	parts := strings.Split(parsed.Hostname(), ".")
	if len(parts) > 1 {
		namespace = parts[1]
	}
	if len(parts) > 2 && parts[2] != "svc" {
		return "", "", 0, false
	}
	return namespace, parts[0], port, ok
}

// reach says what keeps pods from a service's port; empty for nothing.
func (c *Cluster) reach(source *pods, namespace, name string, port int32) string {
	if problem := c.servicePort(namespace, name, &port); problem != "" {
		return problem
	}
	for _, service := range c.services {
		if service.Namespace != namespace || service.Name != name {
			continue
		}
		index := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
		exposed := service.Spec.Ports[index]
		for _, target := range c.selected(namespace, &metav1.LabelSelector{MatchLabels: service.Spec.Selector}) {
			number := port
			if exposed.TargetPort != (intstr.IntOrString{}) {
				number = target.number(exposed.TargetPort, exposed.Protocol)
			}
			if number == 0 {
				continue // another policy says so
			}
			for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress} {
				if !c.passes(direction, source, target, number, exposed.Protocol) {
					return "no NetworkPolicy for " + string(direction) + " lets " + source.of.String() + " reach port " + strconv.Itoa(int(number)) + " of " + target.of.String()
				}
			}
		}
	}
	return ""
}
