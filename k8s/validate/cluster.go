package validate

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Cluster is a rendering by what the policies ask for.
type Cluster struct {
	objects    []*Object
	namespaces map[string]*corev1.Namespace
	accounts   []*corev1.ServiceAccount
	// bound are the service accounts, as namespace/name, that a role is bound to: the ones that use the API.
	bound      map[string]bool
	configMaps map[string]*corev1.ConfigMap // by namespace/name, as all maps here
	// secrets are the keys of Secrets, those that deploying generates and those that controllers make included.
	secrets   map[string][]string
	workloads []*workload
	services  []*corev1.Service
	networks  []*networkingv1.NetworkPolicy
	budgets   []*policyv1.PodDisruptionBudget
	scalers   []*autoscalingv2.HorizontalPodAutoscaler
	// pods are those of the workloads and those that controllers of custom resources make.
	pods []*pods
}

// workload is an object with a template of pods.
type workload struct {
	*Object
	template corev1.PodTemplateSpec
	// longRunning tells those whose pods are to run for ever from jobs.
	longRunning bool
	// replicated tells those that may have several pods, on nodes of the scheduler's choice.
	replicated bool
}

// pods are the pods of a workload or of a custom resource, for selectors.
type pods struct {
	of        *Object
	namespace string
	labels    labels.Set
	ports     []corev1.ContainerPort
}

// number is the number of a port by number or name; 0 if the pods have no such port.
func (p *pods) number(port intstr.IntOrString, protocol corev1.Protocol) int32 {
	for _, c := range p.ports {
		if c.Protocol != "" && c.Protocol != protocol {
			continue
		}
		if port.Type == intstr.Int && c.ContainerPort == port.IntVal || port.Type == intstr.String && c.Name == port.StrVal {
			return c.ContainerPort
		}
	}
	return 0
}

// has tells whether the pods have a port.
func (p *pods) has(port intstr.IntOrString, protocol corev1.Protocol) bool {
	return p.number(port, protocol) != 0
}

// NewCluster makes one of objects that [Check] has found no problem in.
func NewCluster(objects []*Object) *Cluster {
	c := &Cluster{
		objects:    objects,
		namespaces: make(map[string]*corev1.Namespace),
		bound:      make(map[string]bool),
		configMaps: make(map[string]*corev1.ConfigMap),
		secrets:    make(map[string][]string),
	}
	for _, object := range objects {
		c.add(object)
	}
	for _, workload := range c.workloads {
		c.pods = append(c.pods, workload.pods())
	}
	for _, object := range objects {
		c.addControlled(object)
	}
	return c
}

func (c *Cluster) add(object *Object) {
	switch typed := object.typed.(type) {
	case *corev1.Namespace:
		c.namespaces[typed.Name] = typed
	case *corev1.ServiceAccount:
		c.accounts = append(c.accounts, typed)
	case *corev1.ConfigMap:
		c.configMaps[typed.Namespace+"/"+typed.Name] = typed
	case *corev1.Secret:
		keys := slices.Concat(slices.Collect(maps.Keys(typed.Data)), slices.Collect(maps.Keys(typed.StringData)), generated(typed))
		c.secrets[typed.Namespace+"/"+typed.Name] = keys
	case *corev1.Service:
		c.services = append(c.services, typed)
	case *networkingv1.NetworkPolicy:
		c.networks = append(c.networks, typed)
	case *policyv1.PodDisruptionBudget:
		c.budgets = append(c.budgets, typed)
	case *autoscalingv2.HorizontalPodAutoscaler:
		c.scalers = append(c.scalers, typed)
	case *rbacv1.RoleBinding:
		c.bind(typed.Subjects)
	case *rbacv1.ClusterRoleBinding:
		c.bind(typed.Subjects)
	case *appsv1.Deployment:
		several := typed.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType // one that is recreated bears no second beside it
		c.workloads = append(c.workloads, &workload{Object: object, template: typed.Spec.Template, longRunning: true, replicated: several})
	case *appsv1.DaemonSet:
		c.workloads = append(c.workloads, &workload{Object: object, template: typed.Spec.Template, longRunning: true})
	case *appsv1.StatefulSet:
		c.workloads = append(c.workloads, &workload{Object: object, template: typed.Spec.Template, longRunning: true, replicated: true})
	case *batchv1.Job:
		c.workloads = append(c.workloads, &workload{Object: object, template: typed.Spec.Template})
	case *batchv1.CronJob:
		c.workloads = append(c.workloads, &workload{Object: object, template: typed.Spec.JobTemplate.Spec.Template})
	case *corev1.Pod:
		template := corev1.PodTemplateSpec{ObjectMeta: typed.ObjectMeta, Spec: typed.Spec}
		c.workloads = append(c.workloads, &workload{Object: object, template: template})
	}
}

func (c *Cluster) bind(subjects []rbacv1.Subject) {
	for _, subject := range subjects {
		if subject.Kind == rbacv1.ServiceAccountKind {
			c.bound[subject.Namespace+"/"+subject.Name] = true
		}
	}
}

func (w *workload) pods() *pods {
	p := &pods{of: w.Object, namespace: w.GetNamespace(), labels: w.template.Labels}
	for _, container := range slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers) {
		p.ports = append(p.ports, container.Ports...)
	}
	return p
}

// containers are the containers of a template, those that initialise included.
func (w *workload) containers() []corev1.Container {
	return slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers)
}

// selected are the pods of a namespace that a selector selects; an empty selector selects all, none selects none.
func (c *Cluster) selected(namespace string, selector *metav1.LabelSelector) []*pods {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil // the API server's validation says so
	}
	var selected []*pods
	for _, p := range c.pods {
		if p.namespace == namespace && compiled.Matches(p.labels) {
			selected = append(selected, p)
		}
	}
	return selected
}

// find finds an object by kind and name.
func (c *Cluster) find(group, kind, namespace, name string) *Object {
	for _, object := range c.objects {
		if object.GroupVersionKind().Group == group && object.GetKind() == kind && object.GetNamespace() == namespace && object.GetName() == name {
			return object
		}
	}
	return nil
}

// as reads a custom resource into a struct that has the fields of interest. A resource of other shape has been reported by its definition.
func as[T any](object *Object) (T, bool) {
	var out T
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &out)
	return out, err == nil
}
