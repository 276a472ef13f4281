#!/usr/bin/env bash
# Makes the three GitHub environments that .github/workflows/deliver.yml runs in, with what an environment's outputs say. Only
# protected branches may use them, and prod waits for the reviewer. Run again, it brings them up to date. Needs az and gh, both
# signed in, and an administrator of the repository.
#
#   infra/azure/github.sh OWNER/NAME REVIEWER ADDRESS
#
# REVIEWER is a GitHub user, ADDRESS where people find the system: https://rating.example.com.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
repository=${1:?OWNER/NAME is missing} reviewer=${2:?REVIEWER is missing} address=${3:?ADDRESS is missing}

declare -A output
while IFS='=' read -r name value; do
  output[$name]=$value
done < <(./environment.sh prod outputs)

id=$(gh api "users/$reviewer" --jq .id)

# make ENVIRONMENT REVIEWERS NAME=VALUE...
make() {
  gh api --method PUT "repos/$repository/environments/$1" --silent --input - <<EOF
{"reviewers": $2, "deployment_branch_policy": {"protected_branches": true, "custom_branch_policies": false}}
EOF
  local variable
  for variable in "${@:3}"; do
    gh variable set "${variable%%=*}" --repo "$repository" --env "$1" --body "${variable#*=}"
  done
}

common=(AZURE_TENANT_ID="${output[AZURE_TENANT_ID]}" AZURE_SUBSCRIPTION_ID="${output[AZURE_SUBSCRIPTION_ID]}" REGISTRY="${output[REGISTRY]}")
make prod-plan '[]' AZURE_CLIENT_ID="${output[PLAN_CLIENT_ID]}" "${common[@]}"
make prod-push '[]' AZURE_CLIENT_ID="${output[PUSH_CLIENT_ID]}" "${common[@]}"
make prod "[{\"type\": \"User\", \"id\": $id}]" AZURE_CLIENT_ID="${output[DEPLOY_CLIENT_ID]}" "${common[@]}" ADDRESS="$address"
