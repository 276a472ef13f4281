package cluster

import (
	"fmt"
	"slices"
)

// condition is one of an object's status.
type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// isBad tells whether a condition says that something is wrong: some say it by being true, the others by not being so.
func (c condition) isBad() bool {
	switch c.Type {
	case "Failed", "FailureTarget", "ReplicaFailure":
		return c.Status == "True"
	case "Complete", "Suspended", "SuccessCriteriaMet":
		return false
	}
	return c.Status != "True"
}

// String returns "Type: Reason: Message".
func (c condition) String() string {
	text := c.Type
	if c.Status != "True" {
		text = "not " + c.Type
	}
	for _, more := range []string{c.Reason, c.Message} {
		if more != "" {
			text += ": " + short(more)
		}
	}
	return text
}

// pod is what is read of a pod.
type pod struct {
	Metadata struct {
		Name              string `json:"name"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		Phase                 string      `json:"phase"`
		Reason                string      `json:"reason"`
		Message               string      `json:"message"`
		Conditions            []condition `json:"conditions"`
		InitContainerStatuses []container `json:"initContainerStatuses"`
		ContainerStatuses     []container `json:"containerStatuses"`
	} `json:"status"`
}

// isReady tells whether a pod does its work, or has done it.
func (p *pod) isReady() bool {
	return p.Status.Phase == "Succeeded" || slices.ContainsFunc(p.Status.Conditions, func(c condition) bool {
		return c.Type == "Ready" && c.Status == "True"
	})
}

// state returns where a pod is: its phase, or why it gets no node or lost it.
func (p *pod) state() string {
	if p.Metadata.DeletionTimestamp != "" {
		return "it is being deleted"
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return c.Reason + ": " + short(c.Message)
		}
	}
	if p.Status.Reason != "" {
		return p.Status.Reason + ": " + short(p.Status.Message)
	}
	return p.Status.Phase
}

func (p *pod) containers() []container {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

// container is the status of one container.
type container struct {
	Name         string         `json:"name"`
	Ready        bool           `json:"ready"`
	RestartCount int            `json:"restartCount"`
	State        containerState `json:"state"`
	LastState    containerState `json:"lastState"`
}

type containerState struct {
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Running    *struct{}   `json:"running"`
	Terminated *terminated `json:"terminated"`
}

type terminated struct {
	ExitCode int    `json:"exitCode"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

// isQuiet are the reasons for which a container waits for its turn.
func isQuiet(reason string) bool {
	return reason == "PodInitializing" || reason == "ContainerCreating"
}

// problem returns what keeps a container from being ready: "" if nothing does.
func (c container) problem() string {
	var text string
	switch state := c.State; {
	case state.Waiting != nil && !isQuiet(state.Waiting.Reason):
		text = state.Waiting.Reason
		if state.Waiting.Message != "" {
			text += ": " + short(state.Waiting.Message)
		}
	case state.Terminated != nil && state.Terminated.ExitCode != 0:
		return state.Terminated.String()
	case state.Running != nil && !c.Ready:
		text = "it runs and is not ready"
	default:
		return ""
	}
	if last := c.LastState.Terminated; last != nil {
		text += fmt.Sprintf("; before: %s (%d restarts)", last, c.RestartCount)
	}
	return text
}

// ended tells whether a container ended in failure, and whether that was in the run before this one.
func (c container) ended() (previous, ended bool) {
	switch last, now := c.LastState.Terminated, c.State.Terminated; {
	case now != nil && now.ExitCode != 0:
		return false, true
	case last != nil && now == nil:
		return true, true
	}
	return false, false
}

// String returns how a container ended.
func (t *terminated) String() string {
	text := fmt.Sprintf("it ended with code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += ": " + t.Reason
	}
	if t.Message != "" {
		text += ": " + short(t.Message)
	}
	return text
}
