package validate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func isolation(c *Cluster) []string {
	var found problemList
	denied := make(map[string]bool)
	directions := make(map[*pods]map[networkingv1.PolicyType]bool)
	for _, network := range c.networks {
		all := len(network.Spec.PodSelector.MatchLabels)+len(network.Spec.PodSelector.MatchExpressions) == 0
		if all && len(network.Spec.PolicyTypes) == 2 && len(network.Spec.Ingress)+len(network.Spec.Egress) == 0 {
			denied[network.Namespace] = true
		}
		if all {
			continue
		}
		for _, p := range c.selected(network.Namespace, &network.Spec.PodSelector) {
			if directions[p] == nil {
				directions[p] = make(map[networkingv1.PolicyType]bool)
			}
			for _, direction := range network.Spec.PolicyTypes {
				directions[p][direction] = true
			}
		}
	}
	complained := make(map[string]bool)
	for _, p := range c.pods {
		if !denied[p.namespace] && !complained[p.namespace] {
			complained[p.namespace] = true
			found.add(named{"Namespace", "", p.namespace}, "has no NetworkPolicy that denies all pods both directions")
		}
		for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
			if !directions[p][direction] {
				found.add(p.of, "no NetworkPolicy of its own for %s", direction)
			}
		}
	}
	return found
}

func networkPorts(c *Cluster) []string {
	var found problemList
	for _, network := range c.networks {
		name := named{"NetworkPolicy", network.Namespace, network.Name}
		selected := c.selected(network.Namespace, &network.Spec.PodSelector)
		if len(selected) == 0 {
			found.add(name, "podSelector selects no pods")
		}
		check := func(selected []*pods, ports []networkingv1.NetworkPolicyPort, field string) {
			for _, port := range ports {
				for _, p := range selected {
					if port.Port != nil && !p.port(*port.Port, *port.Protocol) {
						found.add(name, "%s: %s has no port %s/%s", field, p.of, port.Port, *port.Protocol)
					}
				}
			}
		}
		peers := func(peers []networkingv1.NetworkPolicyPeer, field string, each func([]*pods)) {
			for _, peer := range peers {
				selected, known := c.peer(network.Namespace, peer)
				if known && len(selected) == 0 {
					found.add(name, "%s: podSelector %s selects no pods", field, metav1.FormatLabelSelector(peer.PodSelector))
				}
				each(selected)
			}
		}
		for _, rule := range network.Spec.Ingress {
			check(selected, rule.Ports, "ingress")
			peers(rule.From, "ingress", func([]*pods) {})
		}
		for _, rule := range network.Spec.Egress {
			peers(rule.To, "egress", func(selected []*pods) { check(selected, rule.Ports, "egress") })
		}
	}
	return found
}

// peer are the pods of the rendering that a policy's peer selects. Known tells whether the peer's namespaces are of the rendering.
func (c *Cluster) peer(namespace string, peer networkingv1.NetworkPolicyPeer) (selected []*pods, known bool) {
	if peer.IPBlock != nil {
		return nil, false
	}
	selector := peer.PodSelector
	if selector == nil {
		selector = new(metav1.LabelSelector)
	}
	if peer.NamespaceSelector == nil {
		return c.selected(namespace, selector), true
	}
	compiled, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	if err != nil {
		return nil, false // the API server's validation says so
	}
	for _, space := range c.namespaces {
		set := labels.Merge(space.Labels, labels.Set{corev1.LabelMetadataName: space.Name})
		if compiled.Matches(set) {
			known = true
			selected = append(selected, c.selected(space.Name, selector)...)
		}
	}
	return selected, known
}

// admission finds calls that one end's policies allow and the other end's forbid: both have to allow them.
func admission(c *Cluster) []string {
	var found problemList
	for _, network := range c.networks {
		name := named{"NetworkPolicy", network.Namespace, network.Name}
		for _, rule := range network.Spec.Egress {
			for _, peer := range rule.To {
				targets, _ := c.peer(network.Namespace, peer)
				for _, target := range targets {
					for _, source := range c.selected(network.Namespace, &network.Spec.PodSelector) {
						for _, port := range rule.Ports {
							if port.Port != nil && !c.admits(source, target, *port.Port, *port.Protocol) {
								found.add(name, "egress: no NetworkPolicy of %s lets %s in to port %s", target.of, source.of, port.Port)
							}
						}
					}
				}
			}
		}
	}
	return found
}

func (c *Cluster) admits(source, target *pods, port intstr.IntOrString, protocol corev1.Protocol) bool {
	for _, network := range c.networks {
		if network.Namespace != target.namespace || !slices.Contains(c.selected(network.Namespace, &network.Spec.PodSelector), target) {
			continue
		}
		for _, rule := range network.Spec.Ingress {
			from := len(rule.From) == 0 || slices.ContainsFunc(rule.From, func(peer networkingv1.NetworkPolicyPeer) bool {
				selected, _ := c.peer(network.Namespace, peer)
				return slices.Contains(selected, source)
			})
			to := len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
				return *p.Protocol == protocol && (p.Port == nil || *p.Port == port)
			})
			if from && to {
				return true
			}
		}
	}
	return false
}

func services(c *Cluster) []string {
	var found problemList
	for _, service := range c.services {
		name := named{"Service", service.Namespace, service.Name}
		if service.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		selected := c.selected(service.Namespace, &metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		if len(service.Spec.Selector) == 0 || len(selected) != 1 {
			found.add(name, "selects the pods of %d workloads, not of one: %v", len(selected), owners(selected))
			continue
		}
		for _, port := range service.Spec.Ports {
			target := port.TargetPort
			if target == (intstr.IntOrString{}) {
				continue // a controller's own
			}
			if !selected[0].port(target, port.Protocol) {
				found.add(name, "port %d: %s has no port %s/%s", port.Port, selected[0].of, target.String(), port.Protocol)
			}
		}
	}
	return found
}
