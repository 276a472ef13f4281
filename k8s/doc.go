// Package k8s has the manifests of the system, and the test that keeps their renderings in testdata as they are deployed.
package k8s
