package validate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

func disruptionBudgets(c *Cluster) []string {
	var found problemList
	covered := make(map[*Object][]string)
	for _, budget := range c.budgets {
		name := named{"PodDisruptionBudget", budget.Namespace, budget.Name}
		selected := c.selected(budget.Namespace, budget.Spec.Selector)
		if len(selected) != 1 {
			found.add(name, "selects the pods of %d workloads, not of one: %v", len(selected), owners(selected))
		}
		for _, p := range selected {
			covered[p.of] = append(covered[p.of], budget.Name)
		}
	}
	for _, w := range c.workloads {
		// Kubernetes evicts no pod that is under two budgets.
		if count := len(covered[w.Object]); w.replicated && count != 1 {
			found.add(w, "is under %d PodDisruptionBudgets, not one: %v", count, covered[w.Object])
		}
	}
	return found
}

func owners(selected []*pods) []string {
	var names []string
	for _, p := range selected {
		names = append(names, p.of.String())
	}
	return names
}

func spread(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		if !w.replicated {
			continue
		}
		constraints := w.template.Spec.TopologySpreadConstraints
		if !slices.ContainsFunc(constraints, func(t corev1.TopologySpreadConstraint) bool { return t.TopologyKey == corev1.LabelHostname }) {
			found.add(w, "has no topologySpreadConstraints over %s", corev1.LabelHostname)
		}
		for _, constraint := range constraints {
			selector, err := metav1.LabelSelectorAsSelector(constraint.LabelSelector)
			if err != nil || !selector.Matches(labels.Set(w.template.Labels)) {
				found.add(w, "topologySpreadConstraints over %s: the labelSelector does not match the pods", constraint.TopologyKey)
			}
		}
	}
	return found
}

// scaledObject is what the policies read of KEDA's ScaledObject.
type scaledObject struct {
	Spec struct {
		ScaleTargetRef struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Name       string `json:"name"`
		} `json:"scaleTargetRef"`
		Triggers []struct {
			Type     string            `json:"type"`
			Metadata map[string]string `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}

func scaling(c *Cluster) []string {
	var found problemList
	scalers := make(map[*Object][]string)
	target := func(scaler named, kind, name string) {
		object := c.find("apps", kind, scaler.namespace, name)
		if object == nil {
			found.add(scaler, "scaleTargetRef: there is no %s %s/%s", kind, scaler.namespace, name)
			return
		}
		scalers[object] = append(scalers[object], scaler.String())
		if _, ok, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "replicas"); ok {
			found.add(object, "spec.replicas is set, and so each deploying undoes what %s has scaled", scaler)
		}
	}
	for _, scaler := range c.scalers {
		target(named{"HorizontalPodAutoscaler", scaler.Namespace, scaler.Name}, scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name)
	}
	for _, object := range c.objects {
		if object.GroupVersionKind().GroupKind().String() != "ScaledObject.keda.sh" {
			continue
		}
		if scaled, ok := as[scaledObject](object); ok {
			kind := scaled.Spec.ScaleTargetRef.Kind
			if kind == "" {
				kind = "Deployment"
			}
			target(named{"ScaledObject", object.GetNamespace(), object.GetName()}, kind, scaled.Spec.ScaleTargetRef.Name)
		}
	}
	for _, w := range c.workloads {
		if len(scalers[w.Object]) > 1 {
			found.add(w, "is scaled by more than one: %v", scalers[w.Object])
		}
	}
	return found
}
