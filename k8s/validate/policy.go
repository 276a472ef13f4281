package validate

// Policy is a rule of ours for a whole rendering, beyond what Kubernetes asks of each object.
type Policy struct {
	// Name says what holds where the policy is kept.
	Name string
	// Check returns where it is not kept, each problem with its object.
	Check func(*Cluster) []string
}

// Policies are all policies.
var Policies = []Policy{
	{"pods meet the pod security standard restricted", podSecurity},
	{"our images are named by digest, others by a tag that is not latest", images},
	{"containers cannot become root, gain privileges or write to their image", hardening},
	{"pods get a token for the API only where a role is bound to their account", tokens},
	{"containers request cpu and memory and have a limit of memory", resources},
	{"what runs for ever has probes, on ports that it has", probes},
	{"what is told to stop has the time to drain", gracePeriods},
	{"deployments and stateful sets have one disruption budget each", disruptionBudgets},
	{"deployments and stateful sets are spread", spread},
	{"what is scaled has one scaler and no replicas of its own", scaling},
	{"namespaces deny by default, and every pod is allowed what it needs", isolation},
	{"network policies name pods and ports that there are", networkPorts},
	{"what a pod may call lets it in", admission},
	{"what a pod or a gateway connects to is there, and may be reached", connections},
	{"services select pods of one workload, and ports that they have", services},
	{"routes name gateways, services and ports that there are", routes},
	{"references to config maps, secrets, accounts and volumes resolve", references},
	{"objects are in namespaces that there are", namespaces},
	{"consumers and scalers name streams and consumers that there are", queues},
}
