#!/usr/bin/env bash
# Compiles the Bicep files and takes every warning for an error. Needs the Bicep compiler: `az bicep install`, or the one of
# GitHub's runners.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$PATH:$HOME/.azure/bin"
if ! command -v bicep >/dev/null; then
  echo "bicep is not on PATH: az bicep install" >&2
  exit 1
fi

# compile ARGS...: its diagnostics go to standard error, where nothing may be
compile() {
  local said
  said=$(bicep "$@" --stdout 2>&1 >/dev/null) || true
  if [[ -n $said ]]; then
    echo "$said" >&2
    return 1
  fi
}

compile build main.bicep
for parameters in *.bicepparam; do
  compile build-params "$parameters"
done
