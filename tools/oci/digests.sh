#!/usr/bin/env bash
# Builds the images of the checkout that it is called in and prints their digests, a line NAME=DIGEST for each. Arguments are
# Bazel's.
#
#   tools/oci/digests.sh --config=release
set -euo pipefail

packages=(proxy services/rating services/web)

bazel build "$@" "${packages[@]/%/:image.digest}" >&2
for package in "${packages[@]}"; do
  printf '%s=%s\n' "${package##*/}" "$(<"bazel-bin/$package/image.json.sha256")"
done
