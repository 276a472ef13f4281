package validate

import (
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// podSecurity holds each template of pods against the pod security standard that its namespace is labelled with. A namespace of
// the rendering that enforces less than the restricted one is an error of its own.
func podSecurity(c *Cluster) []string {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	levels := make(map[string]api.LevelVersion)
	var found problemList
	for _, object := range c.objects {
		namespace, ok := c.namespaces[object.GetName()]
		if !ok || object.GetKind() != "Namespace" {
			continue
		}
		privileged := api.LevelVersion{Level: api.LevelPrivileged, Version: api.LatestVersion()}
		standard, errs := api.PolicyToEvaluate(namespace.Labels, api.Policy{Enforce: privileged, Audit: privileged, Warn: privileged})
		for _, err := range errs {
			found.add(object, "%v", err)
		}
		if standard.Enforce.Level != api.LevelRestricted {
			found.add(object, "enforces the pod security standard %s, not restricted", standard.Enforce.Level)
		}
		levels[namespace.Name] = standard.Enforce
	}
	for _, w := range c.workloads {
		level, ok := levels[w.GetNamespace()]
		if !ok {
			continue
		}
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &w.template.ObjectMeta, &w.template.Spec))
		if !result.Allowed {
			found.add(w, "pod security standard %s: %s", level, result.ForbiddenDetail())
		}
	}
	return found
}
