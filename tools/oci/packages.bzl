"""The packages that a Go binary is linked of."""

load("@rules_go//go:def.bzl", "GoArchive")

def _importpath(archive):
    return archive.importpath

def _go_packages_impl(ctx):
    packages = ctx.actions.args()
    packages.set_param_file_format("multiline")
    packages.add_all(ctx.attr.binary[GoArchive].transitive, map_each = _importpath, uniquify = True)
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.write(out, packages)
    return [DefaultInfo(files = depset([out]))]

go_packages = rule(
    implementation = _go_packages_impl,
    attrs = {"binary": attr.label(mandatory = True, providers = [GoArchive])},
    doc = "Writes the import paths of a go_binary's packages, without the standard library's, one a line.",
)
