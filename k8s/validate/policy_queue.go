package validate

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// queueResource is what the policies read of NACK's resources.
type queueResource struct {
	Spec struct {
		Name        string `json:"name"`        // a Stream's
		Bucket      string `json:"bucket"`      // a KeyValue's
		StreamName  string `json:"streamName"`  // a Consumer's
		DurableName string `json:"durableName"` // a Consumer's
		Account     string `json:"account"`     // the resource that says where to connect and as whom
	} `json:"spec"`
}

// accountResource is what the policies read of NACK's Account.
type accountResource struct {
	Spec struct {
		Servers []string `json:"servers"`
		NKey    struct {
			Secret struct {
				Name string `json:"name"`
			} `json:"secret"`
			Seed string `json:"seed"`
		} `json:"nkey"`
	} `json:"spec"`
}

func queues(c *Cluster) []string {
	var found problemList
	consumers := make(map[string][]string) // by stream
	var named []*Object
	for _, object := range c.objects {
		resource, _ := as[queueResource](object)
		switch object.GroupVersionKind().GroupKind().String() {
		case "Stream.jetstream.nats.io":
			named = append(named, object)
			consumers[resource.Spec.Name] = []string{}
		case "KeyValue.jetstream.nats.io":
			named = append(named, object)
			consumers["KV_"+resource.Spec.Bucket] = []string{}
		case "Consumer.jetstream.nats.io":
			named = append(named, object)
		case "Account.jetstream.nats.io":
			account, _ := as[accountResource](object)
			if nkey := account.Spec.NKey; nkey.Secret.Name != "" {
				c.secret(&found, object, "nkey", nkey.Secret.Name, nkey.Seed)
			}
			for _, server := range account.Spec.Servers {
				c.server(&found, object, server)
			}
		}
	}
	for _, object := range named {
		resource, _ := as[queueResource](object)
		if account := resource.Spec.Account; account != "" && c.find("jetstream.nats.io", "Account", object.GetNamespace(), account) == nil {
			found.add(object, "there is no Account %s/%s", object.GetNamespace(), account)
		}
		if object.GetKind() != "Consumer" {
			continue
		}
		if _, ok := consumers[resource.Spec.StreamName]; !ok {
			found.add(object, "there is no stream %s", resource.Spec.StreamName)
			continue
		}
		consumers[resource.Spec.StreamName] = append(consumers[resource.Spec.StreamName], resource.Spec.DurableName)
	}
	for _, object := range c.objects {
		if object.GroupVersionKind().GroupKind().String() == "ScaledObject.keda.sh" {
			c.triggers(&found, object, consumers)
		}
	}
	return found
}

// server checks that NACK's controllers can reach a server of an account: they resolve its name in a namespace of their own.
func (c *Cluster) server(found *problemList, account *Object, server string) {
	namespace, service, port, ok := inCluster(server, "")
	if namespace == "" {
		found.add(account, "servers: %s names no namespace, and NACK's controller is in another", server)
		return
	}
	if _, ours := c.namespaces[namespace]; !ok || !ours {
		return
	}
	if problem := c.servicePort(namespace, service, &port); problem != "" {
		found.add(account, "servers: %s", problem)
		return
	}
	for _, w := range c.workloads {
		if !slices.ContainsFunc(w.template.Spec.Containers, func(container corev1.Container) bool {
			return strings.Contains(container.Image, "/jetstream-controller:")
		}) {
			continue
		}
		if problem := c.reach(c.podsOf(w.Object), namespace, service, port); problem != "" {
			found.add(account, "servers: %s", problem)
		}
	}
}

// triggers checks KEDA's triggers on the lag of consumers. KEDA scales to nothing, or not at all, on a consumer that is missing.
func (c *Cluster) triggers(found *problemList, object *Object, consumers map[string][]string) {
	scaled, _ := as[scaledObject](object)
	for _, trigger := range scaled.Spec.Triggers {
		if trigger.Type != "nats-jetstream" {
			continue
		}
		stream, consumer := trigger.Metadata["stream"], trigger.Metadata["consumer"]
		if has, ok := consumers[stream]; !ok {
			found.add(object, "triggers: there is no stream %s", stream)
		} else if !slices.Contains(has, consumer) {
			found.add(object, "triggers: stream %s has no consumer %s", stream, consumer)
		}
		endpoint := trigger.Metadata["natsServerMonitoringEndpoint"]
		host, text, err := net.SplitHostPort(endpoint)
		if err != nil {
			found.add(object, "triggers: natsServerMonitoringEndpoint %q: %v", endpoint, err)
			continue
		}
		name, namespace, _ := strings.Cut(host, ".")
		namespace, _, _ = strings.Cut(namespace, ".")
		port, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			found.add(object, "triggers: natsServerMonitoringEndpoint %q: %v", endpoint, err)
			continue
		}
		number := int32(port)
		if problem := c.servicePort(namespace, name, &number); problem != "" {
			found.add(object, "triggers: natsServerMonitoringEndpoint: %s", problem)
		}
	}
}
