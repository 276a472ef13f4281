# The bill of materials of a program, in CycloneDX 1.6: the Go modules that are linked in, the standard library, and what
# it embeds from npm.
#
#   $program   its name
#   $packages  the import paths of its packages, a line each
#   $gomod     go.mod, which has the version of each module
#   $npm       [the pnpm lock file], optional
#
# It has no time and no serial number, so that it is the same from build to build.

def lines: split("\n") | map(select(. != ""));

def main: $gomod | capture("^module (?<path>\\S+)").path;

# in go.mod: [{path, version}]
def requirements:
  $gomod | lines | map(capture("^(?:require)?\\s+(?<path>\\S+) (?<version>v\\S+)(?: //.*)?$"));

# whether a package is below a path
def within($path): . == $path or startswith($path + "/");

def component($type; $name; $version):
  {
    type: "library",
    name: $name,
    version: $version,
    purl: "pkg:\($type)/\($name | sub("^@"; "%40"))@\($version | gsub("\\+"; "%2B"))"
  }
  | ."bom-ref" = .purl;

def go_components:
  requirements as $requirements
  | [
      $packages | lines[] | select(within(main) | not) as $package
      | [$requirements[] | select(.path as $path | $package | within($path))] | max_by(.path | length)
      // error("no module of go.mod has the package \($package)")
    ]
  | unique
  | map(component("golang"; .path; .version));

def stdlib: component("golang"; "stdlib"; $gomod | capture("\ngo (?<version>\\S+)").version);

# What pnpm installs of the production dependencies, be it bundled or not. Snapshots are named NAME@VERSION(PEER)….
def npm_components:
  def dependencies: (.dependencies // {}) + (.optionalDependencies // {}) | to_entries | map("\(.key)@\(.value)");
  def closure($lock):
    (. + map($lock.snapshots[.] | dependencies[]) | unique) as $more
    | if $more == . then . else $more | closure($lock) end;
  ($ARGS.named.npm // [])[0]
  | if . == null then [] else
      . as $lock
      | [$lock.importers["."].dependencies | to_entries[] | "\(.key)@\(.value.version)"]
      | unique | closure($lock)
      | map(sub("\\(.*$"; "") | capture("^(?<name>.+)@(?<version>[^@]+)$")) | unique
      | map(component("npm"; .name; .version))
    end;

{
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {component: {type: "application", name: $program, purl: "pkg:golang/\(main)", "bom-ref": $program}},
  components: ([stdlib] + go_components + npm_components)
}
