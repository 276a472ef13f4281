package kubernetes

// waitTimeout is how long programs wait for something to become ready, in Go's and Helm's notation.
const waitTimeout = "5m"

// infrastructure returns the steps that install what the system needs in a cluster once.
func (s *Session) infrastructure() []step {
	return []step{
		{
			what:     "The Gateway API's resource definitions, " + GatewayAPIVersion,
			commands: []command{s.kubectl("apply", "--server-side", "--filename", gatewayAPIManifests)},
		},
		{
			what: "kgateway " + GatewayVersion + ", which serves the Gateway API with Envoy",
			commands: []command{
				s.chart("kgateway-crds", "kgateway-system", GatewayVersion, gatewayCharts+"kgateway-crds"),
				s.chart("kgateway", "kgateway-system", GatewayVersion, gatewayCharts+"kgateway"),
			},
		},
		{
			what:     "KEDA " + KEDAVersion + ", which scales the services by their queues",
			commands: []command{s.chart("keda", "keda", KEDAVersion, "keda", "--repo", kedaCharts)},
		},
		s.nack(),
	}
}

// nack returns the step that installs NACK.
func (s *Session) nack() step {
	return step{
		what: "NACK, which makes JetStream's streams and consumers of Kubernetes resources",
		commands: []command{
			s.kubectl("apply", "--server-side", "--filename", nackDefinitions),
			s.kubectl("apply", "--server-side", "--kustomize", "k8s/infra/nack"),
			s.kubectl("--namespace", "nack-system", "rollout", "status", "deployment/nack", "--timeout", waitTimeout),
		},
	}
}

// kubectl returns a command of kubectl in the environment.
func (s *Session) kubectl(args ...string) command {
	all := []string{"kubectl"}
	if s.Environment.Context != "" {
		all = append(all, "--context", s.Environment.Context)
	}
	return command{args: append(all, args...), env: []string{"KUBECONFIG=" + s.Environment.Kubeconfig}}
}

// chart returns the command of Helm that installs a chart, or brings it to another version, and waits until it is ready.
func (s *Session) chart(release, namespace, version, chart string, args ...string) command {
	all := []string{"helm", "upgrade", "--install", release, chart}
	all = append(all, args...)
	all = append(all, "--version", version, "--namespace", namespace, "--create-namespace", "--wait", "--timeout", waitTimeout)
	if s.Environment.Context != "" {
		all = append(all, "--kube-context", s.Environment.Context)
	}
	return command{args: all, env: []string{"KUBECONFIG=" + s.Environment.Kubeconfig}, silent: true}
}
