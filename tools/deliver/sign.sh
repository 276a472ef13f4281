#!/usr/bin/env bash
# Signs the images that were pushed to a registry, and attaches to each platform's the bill of materials that is in it. cosign
# asks GitHub who this job is (https://docs.sigstore.dev/cosign/signing/overview/), so there is no key to keep.
#
#   tools/deliver/sign.sh < REFERENCES
#
# REFERENCES are lines REGISTRY/NAME@DIGEST, as `bazel run --config=release //k8s:push_aks` prints them; their OCI layouts are those
# of that build. Needs cosign and jq.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

declare -A layouts=([proxy]=bazel-bin/proxy/image [rating]=bazel-bin/services/rating/image [web]=bazel-bin/services/web/image)
bills=$(mktemp -d)
trap 'rm -rf "$bills"' EXIT

# blob LAYOUT DIGEST: the path of a blob
blob() { printf '%s/blobs/%s' "$1" "${2/://}"; }

while read -r reference; do
  repository=${reference%@*} digest=${reference#*@}
  layout=${layouts[${repository##*/}]:?"$reference is none of our images"}
  built=$(jq --raw-output '.manifests[0].digest' "$layout/index.json")
  if [[ $built != "$digest" ]]; then
    echo "$reference is not what was built: $built" >&2
    exit 1
  fi
  cosign sign --yes --recursive "$reference" </dev/null
  while read -r platform name; do
    layer=$(jq --raw-output '.layers[-1].digest' "$(blob "$layout" "$platform")")
    bill="$bills/${repository##*/}-$name.cdx.json"
    tar --extract --gzip --to-stdout --file "$(blob "$layout" "$layer")" sbom.cdx.json >"$bill"
    cosign attest --yes --type cyclonedx --predicate "$bill" "$repository@$platform" </dev/null
    echo "signed $repository@$platform ($name)"
  done < <(jq --raw-output '.manifests[] | "\(.digest) \(.platform.architecture)"' "$(blob "$layout" "$digest")")
done
