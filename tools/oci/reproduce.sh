#!/usr/bin/env bash
# Builds the images here and once more from a copy of the tree in another folder, which gives Bazel another output base, and
# compares their digests.
#
#   tools/oci/reproduce.sh         what is compiled may come from Bazel's cache; programs, pages, layers and images are made anew
#   tools/oci/reproduce.sh --full  nothing comes from a cache
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

flags=("--modify_execution_info=^(GoLink|JsRunBinary|Jq|Tar|OCI.*)$=+no-cache")
if [[ ${1:-} == --full ]]; then
  flags=(--disk_cache= --remote_cache=)
fi

there=$(mktemp -d)
remove() {
  (cd "$there" && bazel clean --expunge >/dev/null 2>&1) || true
  rm -rf "$there"
}
trap remove EXIT
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$there"
git init --quiet "$there"

here=$(tools/oci/digests.sh "${flags[@]}")
elsewhere=$(cd "$there" && tools/oci/digests.sh "${flags[@]}")
if ! diff <(echo "$here") <(echo "$elsewhere"); then
  echo "the images differ: < here, > in another folder" >&2
  exit 1
fi
echo "$here"
