package validate

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// change is a good rendering with one thing changed, and what is wrong with it then.
type change struct {
	name     string
	old, new string
	want     []string
}

// good is a rendering with nothing wrong.
func good(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, file := range []string{"good.yaml", "elsewhere.yaml"} {
		text, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		parts = append(parts, string(text))
	}
	return strings.Join(parts, "---\n")
}

// run checks each changed rendering, and returns the policies that found something.
func run(t *testing.T, changes []change) map[string]bool {
	t.Helper()
	text := good(t)
	definitions, err := definitions()
	require.NoError(t, err)
	bitten := make(map[string]bool)
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, 1, strings.Count(text, c.old), "%q is there once", c.old)
			objects, err := Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
			require.NoError(t, err)
			problems, _ := Check(objects, definitions, elsewhere...)
			if len(problems) == 0 {
				cluster := NewCluster(objects)
				for _, policy := range Policies {
					found := policy.Check(cluster)
					problems = append(problems, found...)
					bitten[policy.Name] = bitten[policy.Name] || len(found) > 0
				}
			}
			require.Equal(t, c.want, problems)
		})
	}
	return bitten
}

func TestAGoodRenderingHasNoProblems(t *testing.T) {
	objects, err := Parse([]byte(good(t)))
	require.NoError(t, err)
	keeps(t, objects)
}

func TestWhatTheAPIServerRefusesIsFound(t *testing.T) {
	run(t, []change{
		{"an unknown field", "      serviceAccountName: proxy\n", "      serviceAccountNam: proxy\n", []string{
			`Deployment shop/proxy: unknown field "spec.template.spec.serviceAccountNam"`,
		}},
		{"a field that is there twice", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app: proxy}\n", "  maxUnavailable: 1\n  maxUnavailable: 2\n  selector:\n    matchLabels: {app: proxy}\n", []string{
			`PodDisruptionBudget shop/proxy: yaml: unmarshal errors: line 6: key "maxUnavailable" already set in map`,
		}},
		{"a wrong type", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 45s", []string{
			"Deployment shop/proxy: json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64",
		}},
		{"a selector that does not match", "    matchLabels: {app: proxy}\n  template:", "    matchLabels: {app: prox}\n  template:", []string{
			"Deployment shop/proxy: spec.template.metadata.labels: Invalid value: {\"app\":\"proxy\"}: `selector` does not match template `labels`",
		}},
		{"a probe without a port", "readinessProbe:\n            httpGet: {path: /readyz, port: http}", "readinessProbe:\n            httpGet: {path: /readyz}", []string{
			"Deployment shop/proxy: spec.template.spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
		}},
		{"a quantity that is none", "requests: {cpu: 100m, memory: 64Mi}\n            limits: {memory: 128Mi}", "requests: {cpu: 100m, memory: 64Mi}\n            limits: {memory: 128MiB}", []string{
			"Deployment shop/proxy: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
		}},
		{"a limit below the request", "limits: {memory: 128Mi}", "limits: {memory: 32Mi}", []string{
			`Deployment shop/proxy: spec.template.spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi`,
		}},
		{"a volume that is not there", "- {name: nats, mountPath: /run/nats, readOnly: true}", "- {name: keys, mountPath: /run/nats, readOnly: true}", []string{
			`Deployment shop/proxy: spec.template.spec.containers[0].volumeMounts[0].name: Not found: "keys"`,
		}},
		{"a name that is none", "metadata: {name: settings, namespace: shop}", "metadata: {name: settings_, namespace: shop}", []string{
			`ConfigMap shop/settings_: metadata.name: Invalid value: "settings_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
		}},
		{"no namespace", "kind: NetworkPolicy\nmetadata: {name: front, namespace: shop}", "kind: NetworkPolicy\nmetadata: {name: front}", []string{
			"NetworkPolicy front: metadata.namespace: Required value",
		}},
		{"a version that is no more", "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: nats,", "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: nats,", []string{
			"PodDisruptionBudget shop/nats: no definition of policy/v1beta1 PodDisruptionBudget",
		}},
		{"a warning", "            - {name: PROXY_TIMEOUT, value: 20s}\n", "            - {name: PROXY_TIMEOUT, value: 20s}\n            - {name: PROXY_TIMEOUT, value: 20s}\n", []string{
			`Deployment shop/proxy: warning: spec.template.spec.containers[0].env[1]: hides previous definition of "PROXY_TIMEOUT", which may be dropped when using apply`,
		}},
		{"the same object twice", "kind: PodDisruptionBudget\nmetadata: {name: nats, namespace: shop}", "kind: PodDisruptionBudget\nmetadata: {name: proxy, namespace: shop}", []string{
			"PodDisruptionBudget shop/proxy: is there twice",
		}},
	})
}

func TestWhatADefinitionRefusesIsFound(t *testing.T) {
	run(t, []change{
		{"an unknown field", "      hostname: shop.example.com", "      hostnam: shop.example.com", []string{
			`Gateway shop/front: unknown field "spec.listeners[0].hostnam"`,
		}},
		{"an unknown field of the metadata", "kind: HTTPRoute\nmetadata: {name: api, namespace: shop}", "kind: HTTPRoute\nmetadata: {name: api, namespace: shop, label: {}}", []string{
			`HTTPRoute shop/api: unknown field "metadata.label"`,
		}},
		{"a field that is there twice", "      port: 443\n", "      port: 443\n      port: 444\n", []string{
			`Gateway shop/front: error converting YAML to JSON: yaml: unmarshal errors: line 13: key "port" already set in map`,
		}},
		{"a wrong type", "- {name: proxy, port: 80}", "- {name: proxy, port: http}", []string{
			`HTTPRoute shop/api: spec.rules[0].backendRefs[0].port: Invalid value: "string": spec.rules[0].backendRefs[0].port in body must be of type integer: "string"`,
		}},
		{"a value that is not in the enum", "      protocol: HTTPS", "      protocol: HTTPS\n      allowedRoutes: {namespaces: {from: Some}}", []string{
			`Gateway shop/front: spec.listeners[0].allowedRoutes.namespaces.from: Unsupported value: "Some": supported values: "All", "Selector", "Same"`,
		}},
		{"a rule in CEL: one rewrite only", "      filters:\n", "      filters:\n        - type: URLRewrite\n          urlRewrite: {hostname: shop.example.com}\n", []string{
			"HTTPRoute shop/api: spec.rules[0].filters: Invalid value: URLRewrite filter cannot be repeated",
		}},
		{"a rule in CEL: a filter and its type", "        - type: URLRewrite\n", "        - type: RequestRedirect\n", []string{
			"HTTPRoute shop/api: spec.rules[0].filters[0]: Invalid value: filter.requestRedirect must be specified for RequestRedirect filter.type",
			"HTTPRoute shop/api: spec.rules[0].filters[0]: Invalid value: filter.urlRewrite must be nil if the filter.type is not URLRewrite",
		}},
		{"a required field", "  scaleTargetRef: {name: proxy}", "  scaleTargetRef: {kind: Deployment}", []string{
			"ScaledObject shop/proxy: spec.scaleTargetRef.name: Required value",
		}},
		{"a certificate issuer's required field", "    server: https://acme.example/directory\n", "", []string{
			"ClusterIssuer letsencrypt: spec.acme.server: Required value",
		}},
		{"a version without a definition", "apiVersion: keda.sh/v1alpha1", "apiVersion: keda.sh/v1", []string{
			"ScaledObject shop/proxy: no definition of keda.sh/v1 ScaledObject",
		}},
		{"a group without a definition", "apiVersion: keda.sh/v1alpha1", "apiVersion: keda.example/v1", []string{
			"ScaledObject shop/proxy: no definition of keda.example/v1 ScaledObject",
		}},
	})
}

// TestWhatADefinitionFromElsewhereRefusesIsFound has nothing to do where there is no folder of such definitions.
func TestWhatADefinitionFromElsewhereRefusesIsFound(t *testing.T) {
	if _, err := os.Stat(*crds); err != nil {
		t.Logf("no definitions of %s: %v", strings.Join(elsewhere, ", "), err)
		return
	}
	run(t, []change{
		{"a Stream's enum", "retention: workqueue", "retention: queue", []string{
			`Stream shop/orders: spec.retention: Unsupported value: "queue": supported values: "limits", "interest", "workqueue"`,
		}},
		{"a Consumer's unknown field", "  durableName: workers\n", "  durableName: workers\n  maxDelivery: 3\n", []string{
			`Consumer shop/orders-workers: unknown field "spec.maxDelivery"`,
		}},
		{"a Cluster's least number", "  instances: 3\n", "  instances: 0\n", []string{
			"Cluster shop/database: spec.instances: Invalid value: 0: spec.instances in body should be greater than or equal to 1",
		}},
		{"a TrafficPolicy's rule in CEL", "    retryOn: [connect-failure]\n", "", []string{
			"TrafficPolicy shop/retries: spec.retry: Invalid value: retryOn or statusCodes must be set.",
		}},
	})
}

func TestWhatAPolicyForbidsIsFound(t *testing.T) {
	bitten := run(t, []change{
		{"a pod below the standard of its namespace", "      terminationGracePeriodSeconds: 45\n", "      terminationGracePeriodSeconds: 45\n      hostNetwork: true\n", []string{
			"Deployment shop/proxy: pod security standard restricted:latest: host namespaces (hostNetwork=true)",
		}},
		{"a namespace that is not restricted", "enforce: restricted", "enforce: baseline", []string{
			"Namespace shop: enforces the pod security standard baseline, not restricted",
		}},
		{"a namespace with a wrong label", "enforce: restricted", "enforce: strict", []string{
			`Namespace shop: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted`,
		}},
		{"an image of ours by tag", "proxy@sha256:0000000000000000000000000000000000000000000000000000000000000000", "proxy:v1", []string{
			`Deployment shop/proxy: container proxy: image "registry.example/shop/proxy:v1" of ours has no digest`,
		}},
		{"a latest image", "nats:2.15.2-alpine", "nats:latest", []string{
			`StatefulSet shop/nats: container nats: image "docker.io/library/nats:latest" has neither a digest nor a tag other than latest`,
		}},
		{"an image without a tag", "nats:2.15.2-alpine", "nats", []string{
			`StatefulSet shop/nats: container nats: image "docker.io/library/nats" has neither a digest nor a tag other than latest`,
		}},
		{"an image by a short name", "docker.io/library/nats:2.15.2-alpine", "nats:2.15.2-alpine", []string{
			`StatefulSet shop/nats: container nats: image "nats:2.15.2-alpine": repository name must be canonical`,
		}},
		{"a root file system to write to", "            readOnlyRootFilesystem: true\n            capabilities: {drop: [ALL]}\n          volumeMounts", "            capabilities: {drop: [ALL]}\n          volumeMounts", []string{
			"Deployment shop/proxy: container proxy: securityContext: readOnlyRootFilesystem is not true",
		}},
		{"a capability that is added", "            capabilities: {drop: [ALL]}\n          volumeMounts", "            capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}\n          volumeMounts", []string{
			"Deployment shop/proxy: container proxy: securityContext: capabilities do not drop ALL and add none",
		}},
		{"a container that may be root", "      terminationGracePeriodSeconds: 45\n      securityContext:\n        runAsNonRoot: true\n", "      terminationGracePeriodSeconds: 45\n      securityContext:\n", []string{
			`Deployment shop/proxy: pod security standard restricted:latest: runAsNonRoot != true (pod or container "proxy" must set securityContext.runAsNonRoot=true)`,
			"Deployment shop/proxy: container proxy: securityContext: runAsNonRoot is not true",
		}},
		{"a token that nobody needs", "      serviceAccountName: proxy\n      automountServiceAccountToken: false\n", "      serviceAccountName: proxy\n", []string{
			"Deployment shop/proxy: automountServiceAccountToken is not false, and no role is bound to ServiceAccount shop/proxy",
		}},
		{"a token that a role is for", "      serviceAccountName: proxy\n      automountServiceAccountToken: false\n", "      serviceAccountName: reader\n", nil},
		{"no request of cpu", "            requests: {cpu: 100m, memory: 64Mi}\n            limits: {memory: 128Mi}", "            requests: {memory: 64Mi}\n            limits: {memory: 128Mi}", []string{
			"Deployment shop/proxy: container proxy: resources.requests.cpu is not set",
		}},
		{"no limit of memory", "limits: {memory: 1Gi}", "limits: {cpu: 1}", []string{
			"StatefulSet shop/nats: container nats: resources.limits.memory is not set",
		}},
		{"Go's limit beside the container's", "115MiB", "125MiB", []string{
			"Deployment shop/proxy: container proxy: GOMEMLIMIT 125MiB is above 95 % of the limit of memory, 128Mi: the rest is what Go does not count",
		}},
		{"no liveness probe", "          livenessProbe:\n            tcpSocket: {port: client}\n", "", []string{
			"StatefulSet shop/nats: container nats: has no livenessProbe",
		}},
		{"no startup probe of what starts slowly", "          startupProbe:\n            httpGet: {path: /healthz, port: monitor}\n", "", []string{
			"StatefulSet shop/nats: container nats: has no startupProbe",
		}},
		{"a probe on a port that is not there", "tcpSocket: {port: client}", "tcpSocket: {port: clients}", []string{
			"StatefulSet shop/nats: container nats: livenessProbe: has no port clients",
		}},
		{"too little time to stop", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 34", []string{
			"Deployment shop/proxy: container proxy: terminationGracePeriodSeconds is 34s, and stopping takes up to 35s (5s of delay, 25s of draining, 5s)",
		}},
		{"a drain delay from a config map", "PROXY_DRAIN_DELAY: 5s", "PROXY_DRAIN_DELAY: 16s", []string{
			"Deployment shop/proxy: container proxy: terminationGracePeriodSeconds is 45s, and stopping takes up to 46s (16s of delay, 25s of draining, 5s)",
		}},
		{"a drain delay that is none", "PROXY_DRAIN_DELAY: 5s", "PROXY_DRAIN_DELAY: '5'", []string{
			`Deployment shop/proxy: container proxy: PROXY_DRAIN_DELAY is "5", no duration`,
		}},
		{"a hook that sleeps first", "          startupProbe:\n            httpGet: {path: /readyz, port: http}\n", "          startupProbe:\n            httpGet: {path: /readyz, port: http}\n          lifecycle: {preStop: {sleep: {seconds: 20}}}\n", []string{
			"Deployment shop/proxy: container proxy: terminationGracePeriodSeconds is 45s, and stopping takes up to 55s (25s of delay, 25s of draining, 5s)",
		}},
		{"calls longer than the drain", "value: 20s", "value: 40s", []string{
			"Deployment shop/proxy: container proxy: PROXY_DRAIN_TIMEOUT is 25s, and a call takes up to 40s (PROXY_TIMEOUT)",
		}},
		{"a budget for all pods", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app: nats}\n", "  maxUnavailable: 1\n  selector: {}\n", []string{
			"PodDisruptionBudget shop/nats: selects the pods of 5 workloads, not of one: [Deployment shop/proxy StatefulSet shop/nats Gateway shop/front ClusterIssuer letsencrypt Cluster shop/database]",
			"Deployment shop/proxy: is under 2 PodDisruptionBudgets, not one: [proxy nats]",
		}},
		{"no budget", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app: nats}\n", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app: other}\n", []string{
			"PodDisruptionBudget shop/nats: selects the pods of 0 workloads, not of one: []",
			"StatefulSet shop/nats: is under 0 PodDisruptionBudgets, not one: []",
		}},
		{"pods that are not spread", "          whenUnsatisfiable: DoNotSchedule\n          labelSelector:\n            matchLabels: {app: nats}\n", "          whenUnsatisfiable: DoNotSchedule\n          labelSelector:\n            matchLabels: {app: nat}\n", []string{
			"StatefulSet shop/nats: topologySpreadConstraints over kubernetes.io/hostname: the labelSelector does not match the pods",
		}},
		{"pods that are spread over zones only", "        - topologyKey: kubernetes.io/hostname\n          maxSkew: 1\n          whenUnsatisfiable: DoNotSchedule\n", "        - topologyKey: topology.kubernetes.io/zone\n          maxSkew: 1\n          whenUnsatisfiable: DoNotSchedule\n", []string{
			"StatefulSet shop/nats: has no topologySpreadConstraints over kubernetes.io/hostname",
		}},
		{"replicas beside a scaler", "spec:\n  selector:\n    matchLabels: {app: proxy}\n  template", "spec:\n  replicas: 2\n  selector:\n    matchLabels: {app: proxy}\n  template", []string{
			"Deployment shop/proxy: spec.replicas is set, and so each deploying undoes what ScaledObject shop/proxy has scaled",
		}},
		{"a scaler of nothing", "  scaleTargetRef: {name: proxy}", "  scaleTargetRef: {name: web}", []string{
			"ScaledObject shop/proxy: scaleTargetRef: there is no Deployment shop/web",
		}},
		{"a namespace that allows by default", "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n", "  podSelector: {}\n  policyTypes: [Ingress]\n", []string{
			"Namespace shop: has no NetworkPolicy that denies all pods both directions",
		}},
		{"pods without a policy for a direction", "    matchLabels: {app: nats}\n  policyTypes: [Ingress, Egress]\n", "    matchLabels: {app: nats}\n  policyTypes: [Ingress]\n", []string{
			"StatefulSet shop/nats: no NetworkPolicy of its own for Egress",
		}},
		{"a policy for a port that is not there", "        - {port: client}\n", "        - {port: 6222}\n", []string{
			"NetworkPolicy shop/nats: ingress: StatefulSet shop/nats has no port 6222/TCP",
		}},
		{"a policy for no pods", "        - podSelector:\n            matchLabels: {app: proxy}\n      ports:\n        - {port: client}\n", "        - podSelector:\n            matchLabels: {app: prox}\n        - podSelector:\n            matchLabels: {app: proxy}\n      ports:\n        - {port: client}\n", []string{
			"NetworkPolicy shop/nats: ingress: podSelector app=prox selects no pods",
		}},
		{"a call that is not let in", "        - {port: client}\n        - {port: 4222}\n", "        - {port: monitor}\n", []string{
			"NetworkPolicy shop/proxy: egress: no NetworkPolicy of StatefulSet shop/nats lets Deployment shop/proxy in to port 4222",
			"Deployment shop/proxy: container proxy: env NATS_URL: no NetworkPolicy for Ingress lets Deployment shop/proxy reach port 4222 of StatefulSet shop/nats",
		}},
		{"a call that is not let out", "        - {port: 4222}\n    - to:\n", "        - {port: 8222}\n    - to:\n", []string{
			"NetworkPolicy shop/proxy: egress: no NetworkPolicy of StatefulSet shop/nats lets Deployment shop/proxy in to port 8222",
			"Deployment shop/proxy: container proxy: env NATS_URL: no NetworkPolicy for Egress lets Deployment shop/proxy reach port 4222 of StatefulSet shop/nats",
		}},
		{"a gateway that may not call", "  egress:\n    - to:\n        - podSelector:\n            matchLabels: {app: proxy}\n      ports:\n        - {port: 8080}\n", "", []string{
			"HTTPRoute shop/api: backendRefs: no NetworkPolicy for Egress lets Gateway shop/front reach port 8080 of Deployment shop/proxy",
		}},
		{"pods that cannot resolve names", "            matchLabels: {k8s-app: kube-dns}\n", "            matchLabels: {k8s-app: kube-dns, app: proxy}\n", []string{
			"Deployment shop/proxy: no NetworkPolicy lets it ask DNS",
			"StatefulSet shop/nats: no NetworkPolicy lets it ask DNS",
			"Gateway shop/front: no NetworkPolicy lets it ask DNS",
			"ClusterIssuer letsencrypt: no NetworkPolicy lets it ask DNS",
			"Cluster shop/database: no NetworkPolicy lets it ask DNS",
		}},
		{"a URL of a service that is not there", "value: 'nats://nats:4222'", "value: 'nats://queue:4222'", []string{
			"Deployment shop/proxy: container proxy: env NATS_URL: there is no Service shop/queue",
		}},
		{"a URL of a port that is not there", "postgres://database-rw:5432/shop", "postgres://database-rw:5433/shop", []string{
			"Deployment shop/proxy: container proxy: env DATABASE_URL: Service shop/database-rw has no port 5433",
			"Deployment shop/proxy: container proxy: env url: Service shop/database-rw has no port 5433",
		}},
		{"a service of nothing", "  selector: {app: proxy}\n", "  selector: {app: prox}\n", []string{
			"Service shop/proxy: selects the pods of 0 workloads, not of one: []",
		}},
		{"a service on a port that is not there", "targetPort: http}", "targetPort: https}", []string{
			"Service shop/proxy: port 80: Deployment shop/proxy has no port https/TCP",
		}},
		{"a route to a service that is not there", "- {name: proxy, port: 80}", "- {name: web, port: 80}", []string{
			"HTTPRoute shop/api: backendRefs: there is no Service shop/web",
		}},
		{"a route to a port that is not there", "- {name: proxy, port: 80}", "- {name: proxy, port: 8080}", []string{
			"HTTPRoute shop/api: backendRefs: Service shop/proxy has no port 8080",
		}},
		{"a route from a listener that is not there", "sectionName: https", "sectionName: http", []string{
			"HTTPRoute shop/api: parentRefs: Gateway shop/front has no listener http",
		}},
		{"a route from a gateway that is not there", "- {name: front, sectionName: https}", "- {name: back}", []string{
			"HTTPRoute shop/api: parentRefs: there is no Gateway shop/back",
		}},
		{"a certificate that nobody makes", "    cert-manager.io/cluster-issuer: letsencrypt\n", "    example.com/issuer: letsencrypt\n", []string{
			"Gateway shop/front: listeners https: there is no Secret shop/front-tls",
		}},
		{"traffic's policy for a route that is not there", "kind: HTTPRoute, name: api", "kind: HTTPRoute, name: web", []string{
			"TrafficPolicy shop/retries: targetRefs: there is no HTTPRoute shop/web",
		}},
		{"a key that a config map lacks", "key: url}", "key: uri}", []string{
			"Deployment shop/proxy: container proxy: env DATABASE_URL: ConfigMap shop/settings has no key uri",
		}},
		{"a config map that is not there", "- configMapRef: {name: settings}", "- configMapRef: {name: setting}", []string{
			"Deployment shop/proxy: container proxy: envFrom: there is no ConfigMap shop/setting",
		}},
		{"a key that a secret lacks", "secretKeyRef: {name: owner, key: password}", "secretKeyRef: {name: owner, key: pass}", []string{
			"Deployment shop/proxy: container proxy: env PGPASSWORD: Secret shop/owner has no key pass",
		}},
		{"a generated key that a volume asks for otherwise", "seed=nkey-seed", "sed=nkey-seed", []string{
			"Deployment shop/proxy: volume nats: Secret shop/nats-proxy has no key seed",
			"Account shop/nats: nkey: Secret shop/nats-proxy has no key seed",
		}},
		{"a generated key of a kind that is none", "password=random", "password=randm", []string{
			`Secret shop/owner: annotation deploy.codingflow.com/generate: "password=randm" is not KEY=KIND with a KIND of [key nkey-public nkey-seed random]`,
		}},
		{"a key that an external secret lacks", "    - secretKey: client-secret\n", "    - secretKey: secret\n", []string{
			"Deployment shop/proxy: container proxy: env CLIENT_SECRET: Secret shop/provider has no key client-secret",
		}},
		{"a solver's port that is not there", "        - {port: 8089}\n", "        - {port: 8088}\n", []string{
			"NetworkPolicy shop/solver: ingress: ClusterIssuer letsencrypt has no port 8088/TCP",
		}},
		{"a secret that is not there", "secretName: nats-proxy", "secretName: nats-prox", []string{
			"Deployment shop/proxy: volume nats: there is no Secret shop/nats-prox",
		}},
		{"a stateful set's service that is not there", "  serviceName: nats\n", "  serviceName: nat\n", []string{
			"StatefulSet shop/nats: serviceName: there is no Service shop/nat",
		}},
		{"a variable that a configuration lacks", "nkey: $PROXY_NKEY", "nkey: $WEB_NKEY", []string{
			"StatefulSet shop/nats: container nats: nats.conf of ConfigMap nats refers to $WEB_NKEY, which is not in its env",
		}},
		{"an account that is not there", "      serviceAccountName: proxy\n", "      serviceAccountName: web\n", []string{
			"Deployment shop/proxy: serviceAccountName: there is no ServiceAccount shop/web",
		}},
		{"a database's secret that is not there", "secret: {name: owner}", "secret: {name: owners}", []string{
			"Cluster shop/database: bootstrap.initdb.secret: there is no Secret shop/owners",
		}},
		{"an object in a namespace that is not there", "metadata: {name: settings, namespace: shop}", "metadata: {name: settings, namespace: shops}", []string{
			"Deployment shop/proxy: container proxy: envFrom: there is no ConfigMap shop/settings",
			"Deployment shop/proxy: container proxy: env DATABASE_URL: there is no ConfigMap shop/settings",
			"ConfigMap shops/settings: there is no Namespace shops",
		}},
		{"a consumer of a stream that is not there", "streamName: ORDERS", "streamName: ORDER", []string{
			"Consumer shop/orders-workers: there is no stream ORDER",
			"ScaledObject shop/proxy: triggers: stream ORDERS has no consumer workers",
		}},
		{"a scaler that asks by a short name", "nats.shop.svc:8222", "nats:8222", []string{
			"ScaledObject shop/proxy: triggers: natsServerMonitoringEndpoint: there is no Service nats",
		}},
		{"a scaler on a stream that is not there", "        stream: ORDERS", "        stream: ORDER", []string{
			"ScaledObject shop/proxy: triggers: there is no stream ORDER",
		}},
		{"a scaler on a consumer that is not there", "consumer: workers", "consumer: worker", []string{
			"ScaledObject shop/proxy: triggers: stream ORDERS has no consumer worker",
		}},
		{"a scaler that asks where nobody answers", "nats.shop.svc:8222", "nats.shop.svc:8223", []string{
			"ScaledObject shop/proxy: triggers: natsServerMonitoringEndpoint: Service shop/nats has no port 8223",
		}},
		{"an account's server that is not there", "nats://nats.shop.svc.cluster.local:4222", "nats://nats.shop.svc.cluster.local:4223", []string{
			"Account shop/nats: servers: Service shop/nats has no port 4223",
		}},
		{"an account's server by its short name", "nats://nats.shop.svc.cluster.local:4222", "nats://nats:4222", []string{
			"Account shop/nats: servers: nats://nats:4222 names no namespace, and NACK's controller is in another",
		}},
		{"streams of an account that is not there", "kind: Account\nmetadata: {name: nats, namespace: shop}", "kind: Account\nmetadata: {name: other, namespace: shop}", []string{
			"Stream shop/orders: there is no Account shop/nats",
			"Consumer shop/orders-workers: there is no Account shop/nats",
		}},
	})
	for _, policy := range Policies {
		require.True(t, bitten[policy.Name], "a rendering above breaks the policy %q", policy.Name)
	}
}
