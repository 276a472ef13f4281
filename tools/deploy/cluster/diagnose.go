package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
)

// How much is told.
const (
	maxPods     = 5    // of one object
	maxEvents   = 5    // of one object or pod, the newest
	maxLogLines = 20   // of one container
	maxLogBytes = 4096 // of one container
	maxMessage  = 500  // bytes of one message
)

// diagnose tells what keeps an object from being ready, as far as the cluster says so.
func (c *Cluster) diagnose(ctx context.Context, object *resource.Resource) {
	answer, err := c.read(ctx, append(in(object), "get", target(object), "--output=json")...)
	if err != nil {
		c.printf("  %v", err)
		return
	}
	var found struct {
		Spec struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
		} `json:"spec"`
		Status struct {
			Conditions []condition `json:"conditions"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		c.printf("  %v", err)
		return
	}
	for _, condition := range found.Status.Conditions {
		if condition.isBad() {
			c.printf("  %s", condition)
		}
	}
	c.tellEvents(ctx, object.GetNamespace(), object.GetKind(), object.GetName())
	labels := found.Spec.Selector.MatchLabels
	if isDatabase(object) {
		labels = map[string]string{"cnpg.io/cluster": object.GetName()}
	}
	if len(labels) > 0 {
		c.diagnosePods(ctx, object.GetNamespace(), labels)
	}
}

// diagnosePods tells what is wrong with the pods that have labels.
func (c *Cluster) diagnosePods(ctx context.Context, namespace string, labels map[string]string) {
	var selector []string
	for key, value := range labels {
		selector = append(selector, key+"="+value)
	}
	slices.Sort(selector)
	answer, err := c.read(ctx, "--namespace="+namespace, "get", "pods", "--selector="+strings.Join(selector, ","), "--output=json")
	if err != nil {
		c.printf("  %v", err)
		return
	}
	var list struct {
		Items []pod `json:"items"`
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		c.printf("  %v", err)
		return
	}
	if len(list.Items) == 0 {
		c.printf("  it has no pods")
	}
	told := 0
	for _, pod := range list.Items {
		if pod.isReady() {
			continue
		}
		if told++; told > maxPods {
			continue
		}
		c.diagnosePod(ctx, namespace, &pod)
	}
	if told > maxPods {
		c.printf("  and %d more pods", told-maxPods)
	}
}

func (c *Cluster) diagnosePod(ctx context.Context, namespace string, pod *pod) {
	c.printf("  pod %s: %s", pod.Metadata.Name, pod.state())
	for _, container := range pod.containers() {
		if problem := container.problem(); problem != "" {
			c.printf("    container %s: %s", container.Name, problem)
		}
	}
	c.tellEvents(ctx, namespace, "Pod", pod.Metadata.Name)
	for _, container := range pod.containers() {
		if which, ended := container.ended(); ended {
			c.tellLog(ctx, namespace, pod.Metadata.Name, container.Name, which)
		}
	}
}

// tellLog tells the end of the log of a container that ended: of the run before this one if previous.
func (c *Cluster) tellLog(ctx context.Context, namespace, pod, container string, previous bool) {
	answer, err := c.read(ctx, "--namespace="+namespace, "logs", pod, "--container="+container,
		fmt.Sprintf("--previous=%t", previous), fmt.Sprintf("--tail=%d", maxLogLines))
	if err != nil {
		c.printf("    its log: %v", err)
		return
	}
	if len(answer) > maxLogBytes {
		answer = "…" + strings.ToValidUTF8(answer[len(answer)-maxLogBytes:], "")
	}
	c.printf("    the last lines of container %s:", container)
	for line := range strings.Lines(answer) {
		c.printf("      | %s", strings.TrimRight(line, "\n"))
	}
}

// tellEvents tells the newest warnings about an object.
func (c *Cluster) tellEvents(ctx context.Context, namespace, kind, name string) {
	args := []string{"get", "events", "--field-selector=type=Warning,involvedObject.kind=" + kind + ",involvedObject.name=" + name,
		"--sort-by=.lastTimestamp", "--output=json"}
	if namespace != "" {
		args = append([]string{"--namespace=" + namespace}, args...)
	}
	answer, err := c.read(ctx, args...)
	if err != nil {
		c.printf("    its events: %v", err)
		return
	}
	var list struct {
		Items []struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
			Count   int    `json:"count"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil {
		c.printf("    its events: %v", err)
		return
	}
	for _, event := range list.Items[max(0, len(list.Items)-maxEvents):] {
		times := ""
		if event.Count > 1 {
			times = fmt.Sprintf(" (%d times)", event.Count)
		}
		c.printf("    warning %s%s: %s", event.Reason, times, short(event.Message))
	}
}

// short returns a message in one line of bounded length.
func short(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}
