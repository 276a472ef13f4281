package validate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// setting is a duration that a program takes from its environment.
type setting struct {
	variable string
	// otherwise is what the program takes where the variable is not set.
	otherwise time.Duration
}

// program is how one of ours stops: it takes work for the delay, then waits for what runs until the timeout.
type program struct {
	delay, timeout setting
	// calls tells whether it serves calls of the API when this variable is set; empty for always.
	calls string
}

// programs are ours by container.
var programs = map[string]program{
	"proxy":  {delay: setting{"PROXY_DRAIN_DELAY", 0}, timeout: setting{"PROXY_DRAIN_TIMEOUT", 25 * time.Second}},
	"rating": {timeout: setting{"RATING_DRAIN_TIMEOUT", 25 * time.Second}},
	"web":    {delay: setting{"WEB_DRAIN_DELAY", 0}, timeout: setting{"WEB_DRAIN_TIMEOUT", 10 * time.Second}, calls: "SIGNIN_API"},
}

// longestCall is how long a call of the API may take.
var longestCall = setting{"PROXY_TIMEOUT", 30 * time.Second}

// drainMargin is what a program needs beyond its drain: to notice the signal, to close its connections, to flush its telemetry.
const drainMargin = 5 * time.Second

func gracePeriods(c *Cluster) []string {
	var found problemList
	longest := longestCall.otherwise
	duration := func(w *workload, container corev1.Container, s setting) time.Duration {
		text, ok := c.environment(w.GetNamespace(), container)[s.variable]
		if !ok {
			return s.otherwise
		}
		value, err := time.ParseDuration(text)
		if err != nil {
			found.add(w, "container %s: %s is %q, no duration", container.Name, s.variable, text)
		}
		return value
	}
	for _, w := range c.workloads {
		for _, container := range w.template.Spec.Containers {
			if container.Name == "proxy" {
				longest = duration(w, container, longestCall)
			}
		}
	}
	for _, w := range c.workloads {
		for _, container := range w.template.Spec.Containers {
			program, ok := programs[container.Name]
			if !ok || !w.longRunning {
				continue
			}
			var delay time.Duration
			if program.delay.variable != "" {
				delay = duration(w, container, program.delay)
			}
			timeout := duration(w, container, program.timeout)
			if hook := container.Lifecycle; hook != nil && hook.PreStop != nil && hook.PreStop.Sleep != nil {
				delay += time.Duration(hook.PreStop.Sleep.Seconds) * time.Second
			}
			need := delay + timeout + drainMargin
			if grace := time.Duration(*w.template.Spec.TerminationGracePeriodSeconds) * time.Second; grace < need {
				found.add(w, "container %s: terminationGracePeriodSeconds is %s, and stopping takes up to %s (%s of delay, %s of draining, %s)",
					container.Name, grace, need, delay, timeout, drainMargin)
			}
			if _, serves := c.environment(w.GetNamespace(), container)[program.calls]; program.calls != "" && !serves {
				continue
			}
			if timeout < longest {
				found.add(w, "container %s: %s is %s, and a call takes up to %s (%s)", container.Name, program.timeout.variable, timeout, longest, longestCall.variable)
			}
		}
	}
	return found
}

// environment is what a container finds in its environment, as far as it is in the rendering.
func (c *Cluster) environment(namespace string, container corev1.Container) map[string]string {
	environment := make(map[string]string)
	for _, from := range container.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		if configMap, ok := c.configMaps[namespace+"/"+from.ConfigMapRef.Name]; ok {
			for key, value := range configMap.Data {
				environment[from.Prefix+key] = value
			}
		}
	}
	for _, variable := range container.Env {
		switch from := variable.ValueFrom; {
		case from == nil:
			environment[variable.Name] = variable.Value
		case from.ConfigMapKeyRef != nil:
			if configMap, ok := c.configMaps[namespace+"/"+from.ConfigMapKeyRef.Name]; ok {
				if value, ok := configMap.Data[from.ConfigMapKeyRef.Key]; ok {
					environment[variable.Name] = value
				}
			}
		}
	}
	return environment
}
