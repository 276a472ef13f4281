#!/usr/bin/env bash
# Prints what a release is stamped with, for Bazel (--config=release). All of it follows from the commit, so that whoever
# builds the commit gets the same image.
set -euo pipefail
revision=$(git rev-parse HEAD)
if [[ -n $(git status --porcelain) ]]; then
  revision+=-dirty
fi
echo "STABLE_VERSION $(git describe --tags --always --dirty)"
echo "STABLE_REVISION $revision"
echo "STABLE_CREATED $(TZ=UTC git show --no-patch --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ HEAD)"
