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

digests=()
for package in proxy services/rating services/web; do
  digests+=("//$package:image.digest")
done

# show FOLDER: the digests that were built in it
show() {
  for label in "${digests[@]}"; do
    package=${label#//}
    package=${package%:*}
    printf '%s %s\n' "$package" "$(<"$1/bazel-bin/$package/image.json.sha256")"
  done
}

there=$(mktemp -d)
remove() {
  (cd "$there" && bazel clean --expunge >/dev/null 2>&1) || true
  rm -rf "$there"
}
trap remove EXIT
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$there"
git init --quiet "$there"

bazel build "${flags[@]}" "${digests[@]}"
here=$(show .)
(cd "$there" && bazel build "${flags[@]}" "${digests[@]}")
if ! diff <(echo "$here") <(show "$there"); then
  echo "the images differ: < here, > in another folder" >&2
  exit 1
fi
echo "$here"
