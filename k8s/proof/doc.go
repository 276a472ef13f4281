// Package proof holds no code but tests: they use, restart, kill and load a running deployment, and prove what is promised of it.
// They need kubectl, the right to change what is in the namespace and to run a privileged pod in kube-system, which sends SIGKILL,
// and a way to the cluster's network, since they talk to the addresses of Services and pods.
//
//	go test -tags cluster -v -timeout 60m ./k8s/proof -canary-image REGISTRY/canary@sha256:…
//	TEST_SIZE=full go test …                           the same with longer loads and more faults
//
// Flags:
//
//	-namespace      of the deployment, `rating`
//	-api            URL of the proxy's Service as the test reaches it; by default its cluster IP
//	-duration       how long a load goes on besides what happens meanwhile
//	-canary-image   the image //k8s/proof/canary:image, where the cluster can pull it
//
// The cluster must have KEDA and metrics-server, and room for five replicas of the rating service and three proxies. The services
// that the tests create stay in the database. Sign-in must be off: whoever calls is the development principal.
//
// Loads are paced, a request every 40 ms of each client, and each prints how late its requests were sent: a load that lags has
// asked less than it says. What fails is printed with the time, the status and the body.
package proof
