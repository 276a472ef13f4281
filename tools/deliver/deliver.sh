#!/usr/bin/env bash
# Deploys the commit that is checked out to AKS and asks the public address whether the system works. If it does not, the
# commit that did so last is deployed again. The images must be in the registry.
#
#   REGISTRY=… tools/deliver/deliver.sh CONTEXT ADDRESS
#
# CONTEXT is kubectl's, ADDRESS such as https://rating.example.com. What to go back to is the namespace's annotation. It is built
# first, so that going back takes a minute; and before anything is changed, so that there is a way back or no deployment.
# The database's schema never goes back: each migration leaves it such that the version before works on it (docs/database.md).
#
# Exit code: 0, or 1 if the commit does not run now.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
context=${1:?CONTEXT is missing} address=${2:?ADDRESS is missing}
: "${REGISTRY:?REGISTRY is not set}"

annotation=deploy.codingflow.com/delivered
kubectl=(kubectl --context "$context" --request-timeout 30s)
work=$(mktemp -d)
remove() {
  if [[ -e $work/tree ]]; then
    (cd "$work/tree" && bazel clean --expunge >/dev/null 2>&1) || true
    git worktree remove --force "$work/tree"
  fi
  rm -rf "$work"
}
trap remove EXIT

step() { printf '== %s\n' "$*"; }

# prepare NAME: builds what deploys the checkout that it is called in, and a script that runs it
prepare() { bazel run --config=release --script_path="$work/$1" //k8s:deploy_aks; }
deploy() { "$work/$1" --context "$context" --registry "$REGISTRY" --no-push; }
smoke() { go run ./tools/smoke --address "$address"; }

commit=$(git rev-parse HEAD)
before=$("${kubectl[@]}" get namespace rating --ignore-not-found --output "jsonpath={.metadata.annotations.${annotation//./\\.}}")

step "build $commit"
prepare now
if [[ -n $before && $before != "$commit" ]]; then
  step "build $before, the way back"
  git worktree add --quiet --detach "$work/tree" "$before"
  (cd "$work/tree" && prepare before)
fi

step "deploy $commit"
if deploy now && smoke; then
  "${kubectl[@]}" annotate --overwrite namespace rating "$annotation=$commit"
  step "delivered $commit"
  exit
fi

if [[ ! -e $work/before ]]; then
  step "FAILED: $commit does not work, and there is nothing to go back to"
  exit 1
fi
step "go back to $before"
if deploy before && smoke; then
  step "FAILED: $commit does not work; $before runs again"
else
  step "FAILED: neither $commit nor $before works"
fi
exit 1
