#!/usr/bin/env bash
# What people and the workflow do with an environment, dev or prod. Needs az, signed in: az login.
#
#   infra/azure/environment.sh ENVIRONMENT what-if   prints what applying would change
#   infra/azure/environment.sh ENVIRONMENT apply     shows it, asks, and changes it; prints the outputs of main.bicep
#   infra/azure/environment.sh ENVIRONMENT outputs   prints them again, a line NAME=VALUE for each
#   infra/azure/environment.sh ENVIRONMENT connect   gives kubectl a context of the cluster's name; needs kubelogin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

environment=${1:?which environment? dev or prod} verb=${2:?what? what-if, apply, outputs or connect}
parameters=$environment.bicepparam
if [[ ! -e $parameters ]]; then
  echo "there is no infra/azure/$parameters" >&2
  exit 1
fi
name=rating-$environment
# The deployment is the subscription's, whose record lies in a region too.
location=$(sed -n "s/^param location = '\(.*\)'$/\1/p" "$parameters")

outputs() {
  az deployment sub show --name "$name" --query 'properties.outputs' --output json |
    jq --raw-output 'to_entries[] | "\(.key | ascii_upcase)=\(.value.value)"'
}

case $verb in
what-if) # who may only read can ask too
  az deployment sub what-if --name "$name" --location "$location" --parameters "$parameters" --validation-level ProviderNoRbac
  ;;
apply)
  az deployment sub create --name "$name" --location "$location" --parameters "$parameters" --confirm-with-what-if --output none
  outputs
  ;;
outputs) outputs ;;
connect)
  az aks get-credentials --resource-group "$name" --name "$name" --format exec --overwrite-existing
  kubelogin convert-kubeconfig --context "$name" --login azurecli
  ;;
*)
  echo "$verb is none of what-if, apply, outputs, connect" >&2
  exit 1
  ;;
esac
