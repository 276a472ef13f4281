package kubernetes

// The versions of what a cluster on this machine is made of. devbox.json has those of the programs that make it.
const (
	// KubernetesImage is K3s, whose version is Kubernetes's.
	KubernetesImage = "docker.io/rancher/k3s:v1.36.1-k3s1"
	// GatewayAPIVersion is that of the standard channel. kgateway refuses to start with one that it does not know.
	GatewayAPIVersion = "v1.5.1"
	// GatewayVersion is kgateway's.
	GatewayVersion = "v2.4.1"
	// KEDAVersion is KEDA's, and its chart's.
	KEDAVersion = "2.21.1"
	// NACKCommit is where NACK's resource definitions are taken from; k8s/infra/nack has its controller's version.
	NACKCommit = "f6dad096d5d422b353a7f8408e9efb2745a51bc5"
)

// Where the above are had from.
const (
	gatewayAPIManifests = "https://github.com/kubernetes-sigs/gateway-api/releases/download/" + GatewayAPIVersion + "/standard-install.yaml"
	gatewayCharts       = "oci://cr.kgateway.dev/kgateway-dev/charts/"
	kedaCharts          = "https://kedacore.github.io/charts"
	nackDefinitions     = "https://raw.githubusercontent.com/nats-io/nack/" + NACKCommit + "/deploy/crds.yml"
)
