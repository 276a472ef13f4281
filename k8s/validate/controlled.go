package validate

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// generateAnnotation names the keys of a Secret that the deploy tool generates: KEY=KIND, separated by commas.
const generateAnnotation = "deploy.codingflow.com/generate"

// generateKinds are the kinds of values that it can make.
var generateKinds = []string{"key", "nkey-public", "nkey-seed", "random"}

// generated are the keys that the deploy tool adds to a Secret.
func generated(secret *corev1.Secret) []string {
	var keys []string
	for part := range strings.SplitSeq(secret.Annotations[generateAnnotation], ",") {
		if key, _, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// databaseCluster is what the policies read of CloudNativePG's Cluster.
type databaseCluster struct {
	Spec struct {
		InheritedMetadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"inheritedMetadata"`
		Bootstrap struct {
			InitDB struct {
				Secret corev1.LocalObjectReference `json:"secret"`
			} `json:"initdb"`
		} `json:"bootstrap"`
		Managed struct {
			Roles []struct {
				Name           string                      `json:"name"`
				PasswordSecret corev1.LocalObjectReference `json:"passwordSecret"`
			} `json:"roles"`
		} `json:"managed"`
	} `json:"spec"`
}

// externalSecret is what the policies read of External Secrets' ExternalSecret.
type externalSecret struct {
	Spec struct {
		Target struct {
			Name string `json:"name"`
		} `json:"target"`
		Data []struct {
			SecretKey string `json:"secretKey"`
		} `json:"data"`
	} `json:"spec"`
}

// certificateIssuer is what the policies read of cert-manager's issuers.
type certificateIssuer struct {
	Spec struct {
		ACME struct {
			Solvers []struct {
				HTTP01 struct {
					GatewayHTTPRoute struct {
						ParentRefs []struct {
							Namespace string `json:"namespace"`
						} `json:"parentRefs"`
					} `json:"gatewayHTTPRoute"`
				} `json:"http01"`
			} `json:"solvers"`
		} `json:"acme"`
	} `json:"spec"`
}

// addControlled adds what controllers make for a custom resource: pods, services and secrets.
func (c *Cluster) addControlled(object *Object) {
	namespace, name := object.GetNamespace(), object.GetName()
	service := func(name string, labels map[string]string, ports ...int32) {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{Selector: labels}}
		for _, port := range ports {
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Port: port, Protocol: corev1.ProtocolTCP})
		}
		c.services = append(c.services, service)
	}
	switch object.GroupVersionKind().GroupKind().String() {
	case "Cluster.postgresql.cnpg.io":
		// https://cloudnative-pg.io/documentation/current/: "Service management", "Certificates", "Labels and annotations", "Networking"
		database, ok := as[databaseCluster](object)
		if !ok {
			return
		}
		set := labels.Set{"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}
		maps.Copy(set, database.Spec.InheritedMetadata.Labels)
		c.pods = append(c.pods, &pods{of: object, namespace: namespace, labels: set, ports: []corev1.ContainerPort{
			{Name: "postgresql", ContainerPort: 5432}, {Name: "metrics", ContainerPort: 9187}, {Name: "status", ContainerPort: 8000},
		}})
		for _, suffix := range []string{"-rw", "-ro", "-r"} {
			service(name+suffix, map[string]string{"cnpg.io/cluster": name}, 5432)
		}
		c.secrets[namespace+"/"+name+"-ca"] = []string{"ca.crt", "ca.key"}
		c.secrets[namespace+"/"+name+"-server"] = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
		c.secrets[namespace+"/"+name+"-replication"] = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
	case "ExternalSecret.external-secrets.io":
		external, _ := as[externalSecret](object)
		var keys []string
		for _, data := range external.Spec.Data {
			keys = append(keys, data.SecretKey)
		}
		if external.Spec.Target.Name != "" {
			name = external.Spec.Target.Name
		}
		c.secrets[namespace+"/"+name] = keys
	case "ClusterIssuer.cert-manager.io", "Issuer.cert-manager.io":
		// https://cert-manager.io/docs/configuration/acme/http01/: a pod for each challenge, in the namespace of the Gateway
		issuer, _ := as[certificateIssuer](object)
		for _, solver := range issuer.Spec.ACME.Solvers {
			for _, gateway := range solver.HTTP01.GatewayHTTPRoute.ParentRefs {
				c.pods = append(c.pods, &pods{of: object, namespace: gateway.Namespace, labels: labels.Set{"acme.cert-manager.io/http01-solver": "true"},
					ports: []corev1.ContainerPort{{ContainerPort: 8089}}})
			}
		}
	case "Gateway.gateway.networking.k8s.io":
		// GEP-1762 has the label. kgateway's Envoy listens on 8000 more than a privileged port.
		gateway, ok := as[gatewayv1.Gateway](object)
		if !ok {
			return
		}
		p := &pods{of: object, namespace: namespace, labels: labels.Set{"gateway.networking.k8s.io/gateway-name": name}}
		var ports []int32
		for _, listener := range gateway.Spec.Listeners {
			port := listener.Port
			ports = append(ports, port)
			if port < 1024 {
				port += 8000
			}
			p.ports = append(p.ports, corev1.ContainerPort{ContainerPort: port})
		}
		c.pods = append(c.pods, p)
		service(name, p.labels, ports...)
		for _, listener := range gateway.Spec.Listeners {
			if listener.TLS == nil || gateway.Annotations["cert-manager.io/cluster-issuer"] == "" && gateway.Annotations["cert-manager.io/issuer"] == "" {
				continue
			}
			for _, ref := range listener.TLS.CertificateRefs { // https://cert-manager.io/docs/usage/gateway/
				c.secrets[namespace+"/"+string(ref.Name)] = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
			}
		}
	}
}
