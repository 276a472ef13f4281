package validate

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"        // registers its types, defaults and conversions
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install" // likewise
	_ "k8s.io/kubernetes/pkg/apis/batch/install"       // likewise
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"       // likewise
	_ "k8s.io/kubernetes/pkg/apis/networking/install" // likewise
	_ "k8s.io/kubernetes/pkg/apis/policy/install"     // likewise
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"       // likewise
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/batch/cronjob"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrole"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrolebinding"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
)

// builtin is how the API server creates the kinds of its own that we deploy, each in the one version that we write.
var builtin = map[schema.GroupVersionKind]rest.RESTCreateStrategy{
	{Version: "v1", Kind: "ConfigMap"}:                                              configmap.Strategy,
	{Version: "v1", Kind: "Namespace"}:                                              namespace.Strategy,
	{Version: "v1", Kind: "PersistentVolumeClaim"}:                                  persistentvolumeclaim.Strategy,
	{Version: "v1", Kind: "Pod"}:                                                    pod.Strategy,
	{Version: "v1", Kind: "Secret"}:                                                 secret.Strategy,
	{Version: "v1", Kind: "Service"}:                                                service.Strategy,
	{Version: "v1", Kind: "ServiceAccount"}:                                         serviceaccount.Strategy,
	{Group: "apps", Version: "v1", Kind: "DaemonSet"}:                               daemonset.Strategy,
	{Group: "apps", Version: "v1", Kind: "Deployment"}:                              deployment.Strategy,
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}:                             statefulset.Strategy,
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}:          horizontalpodautoscaler.Strategy,
	{Group: "batch", Version: "v1", Kind: "CronJob"}:                                cronjob.Strategy,
	{Group: "batch", Version: "v1", Kind: "Job"}:                                    job.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}:              networkpolicy.Strategy,
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}:                   poddisruptionbudget.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}:        clusterrole.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"}: clusterrolebinding.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}:               role.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}:        rolebinding.Strategy,
}

// strict decodes as an API server does for a client that asks it to refuse unknown and duplicate fields, as kubectl does.
var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// checkBuiltin validates an object of a kind of Kubernetes itself, and keeps it in its type for the policies.
func checkBuiltin(object *Object, strategy rest.RESTCreateStrategy) []string {
	typed, gvk, err := strict.Decode(object.text, nil, nil)
	if err != nil {
		return decodingErrors(err)
	}
	legacyscheme.Scheme.Default(typed)
	object.typed = typed
	internal, err := legacyscheme.Scheme.ConvertToVersion(typed, schema.GroupVersion{Group: gvk.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return []string{err.Error()}
	}
	if service, ok := internal.(*core.Service); ok && service.Spec.ClusterIP == core.ClusterIPNone {
		service.Spec.ClusterIPs = []string{core.ClusterIPNone} // normalizeClusterIPs, which runs before the strategy
	}
	return create(object, strategy, internal)
}

// create does what an API server does with an object before it stores it, and returns its errors and its warnings.
func create(object *Object, strategy rest.RESTCreateStrategy, internal runtime.Object) []string {
	if strategy.NamespaceScoped() && object.GetNamespace() == "" {
		return []string{"metadata.namespace: Required value"}
	}
	accessor, err := meta.Accessor(internal)
	if err != nil {
		return []string{err.Error()}
	}
	rest.FillObjectMetaSystemFields(accessor)
	gvk := object.GroupVersionKind()
	var problems warnings
	ctx := request.WithNamespace(context.Background(), object.GetNamespace())
	ctx = request.WithRequestInfo(ctx, &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: gvk.Group, APIVersion: gvk.Version})
	ctx = warning.WithWarningRecorder(ctx, &problems)
	var status apierrors.APIStatus
	err = rest.BeforeCreate(strategy, ctx, internal)
	switch {
	case err == nil:
	case errors.As(err, &status) && status.Status().Details != nil:
		for _, cause := range status.Status().Details.Causes {
			if cause.Field == "<nil>" {
				continue // a note that the errors beside it kept CEL rules from being evaluated
			}
			problems = append(problems, strings.TrimPrefix(cause.Field+": "+cause.Message, ": "))
		}
	default:
		problems = append(problems, err.Error())
	}
	return problems
}

// decodingErrors lists each of the errors of a strict decoder.
func decodingErrors(err error) []string {
	each, ok := runtime.AsStrictDecodingError(err)
	if !ok {
		return []string{err.Error()}
	}
	var problems []string
	for _, err := range each.Errors() {
		problems = append(problems, oneLine(err))
	}
	return problems
}

// oneLine is an error's text without the line breaks that YAML's have.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// warnings are what an API server warns its client of.
type warnings []string

// AddWarning implements [warning.Recorder].
func (w *warnings) AddWarning(_, text string) { *w = append(*w, "warning: "+text) }
