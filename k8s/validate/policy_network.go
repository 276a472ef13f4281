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
	alone := make(map[string]int) // how many workloads a namespace has
	for _, p := range c.pods {
		alone[p.namespace]++
	}
	denied := make(map[string]bool)
	directions := make(map[*pods]map[networkingv1.PolicyType]bool)
	for _, network := range c.networks {
		all := len(network.Spec.PodSelector.MatchLabels)+len(network.Spec.PodSelector.MatchExpressions) == 0
		if all && len(network.Spec.PolicyTypes) == 2 && len(network.Spec.Ingress)+len(network.Spec.Egress) == 0 {
			denied[network.Namespace] = true
			continue
		}
		if all && alone[network.Namespace] > 1 {
			continue // what all are allowed is not what each needs
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
		if !c.resolves(p) {
			found.add(p.of, "no NetworkPolicy lets it ask DNS")
		}
	}
	return found
}

// dns is how cluster DNS is labelled, kube-dns and CoreDNS alike.
var dns = labels.Set{"k8s-app": "kube-dns"}

// resolves tells whether pods may ask cluster DNS.
func (c *Cluster) resolves(source *pods) bool {
	return c.allows(source, networkingv1.PolicyTypeEgress, func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) bool {
		to := slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
			space, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
			if err != nil || !space.Matches(labels.Set{corev1.LabelMetadataName: metav1.NamespaceSystem}) {
				return false
			}
			selector, err := metav1.LabelSelectorAsSelector(peer.PodSelector)
			return err == nil && (peer.PodSelector == nil || selector.Matches(dns))
		})
		return to && slices.ContainsFunc(ports, func(port networkingv1.NetworkPolicyPort) bool {
			return *port.Protocol == corev1.ProtocolUDP && port.Port != nil && port.Port.IntVal == 53
		})
	})
}

// allows tells whether a rule of a policy of these pods, for one direction, meets a condition.
func (c *Cluster) allows(p *pods, direction networkingv1.PolicyType, rule func([]networkingv1.NetworkPolicyPeer, []networkingv1.NetworkPolicyPort) bool) bool {
	for _, network := range c.networks {
		if network.Namespace != p.namespace || !slices.Contains(c.selected(network.Namespace, &network.Spec.PodSelector), p) {
			continue
		}
		if direction == networkingv1.PolicyTypeEgress && slices.ContainsFunc(network.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return rule(r.To, r.Ports) }) {
			return true
		}
		if direction == networkingv1.PolicyTypeIngress && slices.ContainsFunc(network.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool { return rule(r.From, r.Ports) }) {
			return true
		}
	}
	return false
}

// passes tells whether the policies of one end of a connection allow it: of its source for egress, of its target for ingress. The port
// is one of the target.
func (c *Cluster) passes(direction networkingv1.PolicyType, source, target *pods, port int32, protocol corev1.Protocol) bool {
	end, other := source, target
	if direction == networkingv1.PolicyTypeIngress {
		end, other = target, source
	}
	return c.allows(end, direction, func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) bool {
		peer := len(peers) == 0 || slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
			selected, _ := c.peer(end.namespace, peer)
			return slices.Contains(selected, other)
		})
		return peer && (len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
			return *p.Protocol == protocol && (p.Port == nil || target.number(*p.Port, protocol) == port)
		}))
	})
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
					if port.Port != nil && !p.has(*port.Port, *port.Protocol) {
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
							if port.Port == nil || !target.has(*port.Port, *port.Protocol) {
								continue
							}
							if number := target.number(*port.Port, *port.Protocol); !c.passes(networkingv1.PolicyTypeIngress, source, target, number, *port.Protocol) {
								found.add(name, "egress: no NetworkPolicy of %s lets %s in to port %d", target.of, source.of, number)
							}
						}
					}
				}
			}
		}
	}
	return found
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
			if !selected[0].has(target, port.Protocol) {
				found.add(name, "port %d: %s has no port %s/%s", port.Port, selected[0].of, target.String(), port.Protocol)
			}
		}
	}
	return found
}
