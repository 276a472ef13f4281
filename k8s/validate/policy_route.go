package validate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// targeting is what the policies read of resources that point to others, as kgateway's TrafficPolicy does.
type targeting struct {
	Spec struct {
		TargetRefs []struct {
			Group string `json:"group"`
			Kind  string `json:"kind"`
			Name  string `json:"name"`
		} `json:"targetRefs"`
	} `json:"spec"`
}

func routes(c *Cluster) []string {
	var found problemList
	for _, object := range c.objects {
		switch object.GroupVersionKind().GroupKind().String() {
		case "HTTPRoute.gateway.networking.k8s.io":
			if route, ok := as[gatewayv1.HTTPRoute](object); ok {
				c.parents(&found, object, route.Spec.ParentRefs)
				for _, rule := range route.Spec.Rules {
					for _, backend := range rule.BackendRefs {
						c.backend(&found, object, backend.BackendObjectReference)
					}
				}
			}
		case "GRPCRoute.gateway.networking.k8s.io":
			if route, ok := as[gatewayv1.GRPCRoute](object); ok {
				c.parents(&found, object, route.Spec.ParentRefs)
				for _, rule := range route.Spec.Rules {
					for _, backend := range rule.BackendRefs {
						c.backend(&found, object, backend.BackendObjectReference)
					}
				}
			}
		case "Gateway.gateway.networking.k8s.io":
			if gateway, ok := as[gatewayv1.Gateway](object); ok {
				c.gateway(&found, object, gateway)
			}
		case "TrafficPolicy.gateway.kgateway.dev":
			policy, _ := as[targeting](object)
			for _, target := range policy.Spec.TargetRefs {
				if c.find(target.Group, target.Kind, object.GetNamespace(), target.Name) == nil {
					found.add(object, "targetRefs: there is no %s %s/%s", target.Kind, object.GetNamespace(), target.Name)
				}
			}
		}
	}
	return found
}

// parents checks that a route's gateways have the listeners that it names.
func (c *Cluster) parents(found *problemList, route *Object, parents []gatewayv1.ParentReference) {
	if len(parents) == 0 {
		found.add(route, "parentRefs: names no gateway")
	}
	for _, parent := range parents {
		namespace := route.GetNamespace()
		if parent.Namespace != nil {
			namespace = string(*parent.Namespace)
		}
		object := c.find(gatewayv1.GroupName, "Gateway", namespace, string(parent.Name))
		if object == nil {
			found.add(route, "parentRefs: there is no Gateway %s/%s", namespace, parent.Name)
			continue
		}
		gateway, ok := as[gatewayv1.Gateway](object)
		if ok && parent.SectionName != nil && !slices.ContainsFunc(gateway.Spec.Listeners, func(listener gatewayv1.Listener) bool {
			return listener.Name == *parent.SectionName
		}) {
			found.add(route, "parentRefs: %s has no listener %s", object, *parent.SectionName)
		}
	}
}

// backend checks that a route's backend is a service of its own namespace with that port.
func (c *Cluster) backend(found *problemList, route *Object, backend gatewayv1.BackendObjectReference) {
	if backend.Kind != nil && *backend.Kind != "Service" {
		return
	}
	if backend.Namespace != nil && string(*backend.Namespace) != route.GetNamespace() {
		found.add(route, "backendRefs: Service %s/%s is in another namespace", *backend.Namespace, backend.Name)
		return
	}
	if problem := c.servicePort(route.GetNamespace(), string(backend.Name), backend.Port); problem != "" {
		found.add(route, "backendRefs: %s", problem)
	}
}

// servicePort says what is wrong with a reference to a service's port; empty for nothing.
func (c *Cluster) servicePort(namespace, name string, port *int32) string {
	index := slices.IndexFunc(c.services, func(s *corev1.Service) bool { return s.Namespace == namespace && s.Name == name })
	service := named{"Service", namespace, name}
	if index < 0 {
		return "there is no " + service.String()
	}
	if port == nil || !slices.ContainsFunc(c.services[index].Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == *port }) {
		return service.String() + " has no port " + number(port)
	}
	return ""
}

func (c *Cluster) gateway(found *problemList, object *Object, gateway gatewayv1.Gateway) {
	if infrastructure := gateway.Spec.Infrastructure; infrastructure != nil && infrastructure.ParametersRef != nil {
		ref := infrastructure.ParametersRef
		if c.find(string(ref.Group), string(ref.Kind), object.GetNamespace(), ref.Name) == nil {
			found.add(object, "infrastructure.parametersRef: there is no %s %s/%s", ref.Kind, object.GetNamespace(), ref.Name)
		}
	}
	for _, listener := range gateway.Spec.Listeners {
		if listener.TLS == nil {
			continue
		}
		for _, ref := range listener.TLS.CertificateRefs {
			c.secret(found, object, "listeners "+string(listener.Name), string(ref.Name), corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
		}
	}
}
