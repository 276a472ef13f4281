// Package validate says what is wrong with rendered manifests, as an API server and our own policies see it, without a cluster.
//
// A rendering is all objects that one overlay deploys.
//
// [Check] looks at each object as an API server does. Kinds of Kubernetes itself are decoded strictly, defaulted, converted and validated
// by the server's own code, of the release that go.mod names. Custom resources are pruned, defaulted and validated by its code too, against
// the schemas of their custom resource definitions, CEL rules included. What a server warns its client of is an error here.
//
// [Policies] are our own rules for the whole: the pod security standard, images, probes, budgets, network policies, and that everything
// an object refers to is there, be it in the rendering, made by a controller, or on a list.
//
// What only a running cluster knows is not looked at: quotas, admission webhooks, whether an image exists.
package validate
