#!/usr/bin/env bash
# Asks a real API server whether it takes the manifests: server-side dry runs of the golden renderings, admission included. It leaves
# resource definitions and the manifests' namespaces there, so it is for clusters that one throws away.
#
#   k8s/dryrun.sh CRDS KUBECTL...
#
# CRDS is a folder with the resource definitions of NACK, kgateway and CloudNativePG; those of the Gateway API and KEDA come
# from the modules of k8s/validate. KUBECTL is the command that reaches the server.
set -euo pipefail
if (($# < 2)); then
  echo "usage: $0 CRDS KUBECTL..." >&2
  exit 2
fi
crds=$1
kubectl=("${@:2}")
here=$(dirname "${BASH_SOURCE[0]}")

kubectl() { "${kubectl[@]}" "$@"; }
module() { go -C "$here/validate" list -m -f '{{.Dir}}' "$1"; }

# define EXAMPLE FOLDER: makes the resource definitions in FOLDER, unless EXAMPLE of them is there.
define() {
  kubectl get customresourcedefinition "$1" >/dev/null 2>&1 || kubectl apply --server-side -f "$2" >/dev/null
}
define streams.jetstream.nats.io "$crds"
define httproutes.gateway.networking.k8s.io "$(module sigs.k8s.io/gateway-api)/config/crd/standard"
define scaledobjects.keda.sh "$(module github.com/kedacore/keda/v2)/config/crd/bases"
kubectl wait --for=condition=Established --timeout=60s customresourcedefinitions --all >/dev/null
for namespace in rating nack-system; do
  kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply --server-side -f - >/dev/null
done
for rendering in dev aks infra-nack; do
  taken=$(kubectl apply --server-side --force-conflicts --dry-run=server -f "$here/testdata/$rendering.yaml")
  echo "$rendering: $(wc -l <<<"$taken") objects are taken"
done
