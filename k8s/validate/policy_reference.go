package validate

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// byHand are the Secrets, with their keys, that an operator makes: nobody can generate what another party gives out.
var byHand = map[string][]string{
	"rating/sign-in": {"client-secret"}, // the OpenID provider's
}

// others are the namespaces that are there before we deploy, and that we put objects into.
var others = []string{"kube-system"}

func references(c *Cluster) []string {
	var found problemList
	for _, w := range c.workloads {
		spec := w.template.Spec
		for _, container := range w.containers() {
			c.environmentReferences(&found, w, container)
		}
		for _, volume := range spec.Volumes {
			c.volumeReferences(&found, w, volume)
		}
		c.variables(&found, w)
		if set, ok := w.typed.(*appsv1.StatefulSet); ok && c.find("", "Service", set.Namespace, set.Spec.ServiceName) == nil {
			found.add(w, "serviceName: there is no Service %s/%s", set.Namespace, set.Spec.ServiceName)
		}
		for _, pull := range spec.ImagePullSecrets {
			c.secret(&found, w.Object, "imagePullSecrets", pull.Name)
		}
		name := spec.ServiceAccountName
		if name != "" && name != "default" && !slices.ContainsFunc(c.accounts, func(account *corev1.ServiceAccount) bool {
			return account.Namespace == w.GetNamespace() && account.Name == name
		}) {
			found.add(w, "serviceAccountName: there is no ServiceAccount %s/%s", w.GetNamespace(), name)
		}
	}
	for _, object := range c.objects {
		if text, ok := object.GetAnnotations()[generateAnnotation]; ok {
			for part := range strings.SplitSeq(text, ",") {
				if _, kind, _ := strings.Cut(strings.TrimSpace(part), "="); !slices.Contains(generateKinds, kind) {
					found.add(object, "annotation %s: %q is not KEY=KIND with a KIND of %v", generateAnnotation, part, generateKinds)
				}
			}
		}
		if object.GroupVersionKind().GroupKind().String() != "Cluster.postgresql.cnpg.io" {
			continue
		}
		database, _ := as[databaseCluster](object)
		if name := database.Spec.Bootstrap.InitDB.Secret.Name; name != "" {
			c.secret(&found, object, "bootstrap.initdb.secret", name, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey)
		}
		for _, role := range database.Spec.Managed.Roles {
			if name := role.PasswordSecret.Name; name != "" {
				c.secret(&found, object, "managed.roles "+role.Name, name, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey)
			}
		}
	}
	return found
}

func (c *Cluster) environmentReferences(found *problemList, w *workload, container corev1.Container) {
	for _, from := range container.EnvFrom {
		if ref := from.ConfigMapRef; ref != nil && !is(ref.Optional, true) {
			c.configMap(found, w.Object, "container "+container.Name+": envFrom", ref.Name)
		}
		if ref := from.SecretRef; ref != nil && !is(ref.Optional, true) {
			c.secret(found, w.Object, "container "+container.Name+": envFrom", ref.Name)
		}
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			continue
		}
		where := "container " + container.Name + ": env " + variable.Name
		if ref := variable.ValueFrom.ConfigMapKeyRef; ref != nil && !is(ref.Optional, true) {
			c.configMap(found, w.Object, where, ref.Name, ref.Key)
		}
		if ref := variable.ValueFrom.SecretKeyRef; ref != nil && !is(ref.Optional, true) {
			c.secret(found, w.Object, where, ref.Name, ref.Key)
		}
	}
}

func (c *Cluster) volumeReferences(found *problemList, w *workload, volume corev1.Volume) {
	where := "volume " + volume.Name
	configMap := func(name string, items []corev1.KeyToPath, optional *bool) {
		if !is(optional, true) {
			c.configMap(found, w.Object, where, name, itemKeys(items)...)
		}
	}
	secret := func(name string, items []corev1.KeyToPath, optional *bool) {
		if !is(optional, true) {
			c.secret(found, w.Object, where, name, itemKeys(items)...)
		}
	}
	if source := volume.ConfigMap; source != nil {
		configMap(source.Name, source.Items, source.Optional)
	}
	if source := volume.Secret; source != nil {
		secret(source.SecretName, source.Items, source.Optional)
	}
	if source := volume.PersistentVolumeClaim; source != nil && c.find("", "PersistentVolumeClaim", w.GetNamespace(), source.ClaimName) == nil {
		found.add(w, "%s: there is no PersistentVolumeClaim %s/%s", where, w.GetNamespace(), source.ClaimName)
	}
	if volume.Projected == nil {
		return
	}
	for _, source := range volume.Projected.Sources {
		if source.ConfigMap != nil {
			configMap(source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional)
		}
		if source.Secret != nil {
			secret(source.Secret.Name, source.Secret.Items, source.Secret.Optional)
		}
	}
}

var (
	// literal is what nats-server's configuration takes as it is: comments and quoted strings, in which $ is a character of a subject.
	literal = regexp.MustCompile(`(?m)"[^"\n]*"|'[^'\n]*'|#.*$`)
	// variable is how it refers to its environment.
	variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)
)

// variables checks that the environment has what configuration files, *.conf of a ConfigMap, take from it.
func (c *Cluster) variables(found *problemList, w *workload) {
	for _, volume := range w.template.Spec.Volumes {
		if volume.ConfigMap == nil {
			continue
		}
		configMap, ok := c.configMaps[w.GetNamespace()+"/"+volume.ConfigMap.Name]
		if !ok {
			continue
		}
		for _, container := range w.containers() {
			if !slices.ContainsFunc(container.VolumeMounts, func(mount corev1.VolumeMount) bool { return mount.Name == volume.Name }) {
				continue
			}
			for _, file := range slices.Sorted(maps.Keys(configMap.Data)) {
				if path.Ext(file) != ".conf" {
					continue
				}
				names := variable.FindAllString(literal.ReplaceAllString(configMap.Data[file], ""), -1)
				slices.Sort(names)
				for _, name := range slices.Compact(names) {
					if !slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return "$"+e.Name == name }) {
						found.add(w, "container %s: %s of ConfigMap %s refers to %s, which is not in its env", container.Name, file, configMap.Name, name)
					}
				}
			}
		}
	}
}

func itemKeys(items []corev1.KeyToPath) []string {
	var keys []string
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}

// configMap checks that a ConfigMap of an object's namespace is there and has keys.
func (c *Cluster) configMap(found *problemList, object *Object, where, name string, keys ...string) {
	ref := named{"ConfigMap", object.GetNamespace(), name}
	configMap, ok := c.configMaps[object.GetNamespace()+"/"+name]
	if !ok {
		found.add(object, "%s: there is no %s", where, ref)
		return
	}
	for _, key := range keys {
		_, text := configMap.Data[key]
		if _, binary := configMap.BinaryData[key]; !text && !binary {
			found.add(object, "%s: %s has no key %s", where, ref, key)
		}
	}
}

// secret checks likewise that a Secret is there, is made by a controller or by hand, and has keys.
func (c *Cluster) secret(found *problemList, object *Object, where, name string, keys ...string) {
	ref := named{"Secret", object.GetNamespace(), name}
	has, ok := c.secrets[object.GetNamespace()+"/"+name]
	if !ok {
		has, ok = byHand[object.GetNamespace()+"/"+name]
	}
	if !ok {
		found.add(object, "%s: there is no %s", where, ref)
		return
	}
	for _, key := range keys {
		if !slices.Contains(has, key) {
			found.add(object, "%s: %s has no key %s", where, ref, key)
		}
	}
}

func namespaces(c *Cluster) []string {
	var found problemList
	for _, object := range c.objects {
		namespace := object.GetNamespace()
		if _, ok := c.namespaces[namespace]; namespace != "" && !ok && !slices.Contains(others, namespace) {
			found.add(object, "there is no Namespace %s", namespace)
		}
	}
	return found
}

func number(n *int32) string {
	if n == nil {
		return "(none)"
	}
	return strconv.Itoa(int(*n))
}
