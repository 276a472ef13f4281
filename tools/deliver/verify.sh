#!/usr/bin/env bash
# Says whether the images that would be deployed to AKS are those that this repository's workflow signed, on main.
#
#   REGISTRY=… tools/deliver/verify.sh OWNER/NAME
#
# Needs cosign.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

images=$(bazel run --config=release //k8s:render_aks -- --registry "$REGISTRY" | grep --only-matching --extended-regexp "${REGISTRY//./\\.}/[a-z]+@sha256:[0-9a-f]{64}" | sort --unique)
while read -r image; do
  cosign verify "$image" --output text </dev/null >&2 \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com \
    --certificate-identity "https://github.com/$1/.github/workflows/deliver.yml@refs/heads/main"
  echo "verified $image"
done <<<"$images"
