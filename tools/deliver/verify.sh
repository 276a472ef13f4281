#!/usr/bin/env bash
# Says whether images are signed by this repository's workflow, on main.
#
#   tools/deliver/verify.sh OWNER/NAME < REFERENCES
#
# REFERENCES are lines REGISTRY/NAME@DIGEST. Needs cosign.
set -euo pipefail

while read -r reference; do
  cosign verify "$reference" --output text </dev/null >&2 \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com \
    --certificate-identity "https://github.com/$1/.github/workflows/deliver.yml@refs/heads/main"
  echo "verified $reference"
done
