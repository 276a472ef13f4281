"""Targets that deploy to Kubernetes; docs/kubernetes.md says how they are used."""

load("@bazel_skylib//rules:native_binary.bzl", "native_binary")

def deployment(name, overlay, srcs, images, cluster, registry = None, delete = False):
    """Makes the targets that deploy an overlay.

    Targets, for `bazel run`; arguments behind -- are added to tools/deploy's:
        deploy_NAME: pushes the images, applies the overlay and waits until everything is ready
        push_NAME: pushes the images only, and prints their references
        render_NAME: prints the manifests
        diff_NAME: prints what deploying would change
        delete_NAME: deletes everything, where `delete` says so

    Args:
        name: what they end in.
        overlay: folder of the overlay in this package.
        srcs: the manifests, those that the overlay takes from other folders included.
        images: labels of OCI layouts, by the name that each image has in manifests.
        cluster: "local" for clusters on one's own machine, "remote" for all others, "any".
        registry: HOST[/PATH] of the registry, unless --registry or the variable REGISTRY names another.
        delete: whether there is delete_NAME.
    """
    folder = ["--overlay={}/{}".format(native.package_name(), overlay)]
    build = ["--image={}=$(rootpath {})".format(image, label) for image, label in images.items()]
    if registry:
        build.append("--default-registry=" + registry)
    source = folder + build
    destination = ["--cluster=" + cluster]

    _command("push_" + name, ["push"] + build, images.values())
    _command("render_" + name, ["render"] + source, srcs + images.values())
    _command("deploy_" + name, ["apply"] + source + destination, srcs + images.values())
    _command("diff_" + name, ["diff"] + source + destination, srcs + images.values())
    if delete:
        _command("delete_" + name, ["delete"] + folder, srcs)

def _command(name, args, data):
    native_binary(
        name = name,
        src = "//tools/deploy",
        out = name + ".program",
        args = args,
        data = data,
    )
