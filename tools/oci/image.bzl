"""Container images of Go programs; docs/images.md says what is in them."""

load("@bazel_lib//lib:expand_template.bzl", "expand_template")
load("@bazel_lib//lib:transitions.bzl", "platform_transition_filegroup")
load("@bazel_skylib//rules:native_binary.bzl", "native_test")
load("@jq.bzl//jq:jq.bzl", "jq")
load("@rules_oci//oci:defs.bzl", "oci_image", "oci_image_index", "oci_load")
load("@tar.bzl//tar:tar.bzl", "tar")
load(":packages.bzl", "go_packages")

SOURCE = "https://github.com/codingflow/rating"

# Whom the program runs as: nobody whom a host knows. By number, which Kubernetes wants for runAsNonRoot; there is no /etc/passwd.
USER = "65532"

# What every file's time is, since the moment of the build would make each build another image.
EPOCH = "time=0"

LINUX_AMD64 = "@rules_go//go/toolchain:linux_amd64"
LINUX_ARM64 = "@rules_go//go/toolchain:linux_arm64"

def go_image(name, binary, description, port, env = {}, directory = None, npm_lock = None, visibility = None):
    """Makes the image of a static Go binary, for Linux on amd64 and arm64, without a base image.

    It holds the binary, the bill of what it is made of at /sbom.cdx.json, and nothing else: no shell, no libraries.
    The binary brings the certificate authorities (golang.org/x/crypto/x509roots/fallback) that it trusts.

    Targets:
        NAME: the index of both platforms, an OCI layout; NAME.digest is the file with its digest
        NAME_test: asserts that the image is what this says
        NAME_sbom: the bill, for the platform that is built for
        NAME_load: `bazel run` it to have the image in docker or podman as rating/BINARY:dev

    Args:
        name: name of the index.
        binary: a go_binary; its name is that of the program in the image, and the image's title.
        description: one sentence for the label org.opencontainers.image.description.
        port: TCP port, as a string, that the program listens on.
        env: environment of the program. It overrides defaults that are right on a desk only, such as listening on loopback.
        directory: the path of the one directory that the program may write in, where there is one: its working directory,
            and a volume.
        npm_lock: JSON of the pnpm lock file, where the binary embeds what comes from npm.
        visibility: of the index and its digest.
    """
    program = native.package_relative_label(binary).name
    manual = ["manual"]  # only as part of the index, where it is built for Linux

    go_packages(
        name = name + "_packages",
        binary = binary,
        tags = manual,
    )
    files = {
        "--rawfile packages": ":" + name + "_packages",
        "--rawfile gomod": "//:go.mod",
    }
    if npm_lock:
        files["--slurpfile npm"] = npm_lock
    jq(
        name = name + "_sbom",
        srcs = [],
        out = name + ".cdx.json",
        args = ["--sort-keys", "--arg program " + program] +
               ["{} $(execpath {})".format(flag, file) for flag, file in files.items()],
        data = files.values(),
        expand_args = True,
        filter_file = "//tools/oci:sbom.jq",
        stamp = 0,
        tags = manual,
    )

    entries = [
        "{} type=file mode=0555 uid=0 gid=0 {} content=$(execpath {})".format(program, EPOCH, binary),
        "sbom.cdx.json type=file mode=0444 uid=0 gid=0 {} content=$(execpath :{}_sbom)".format(EPOCH, name),
    ]
    if directory:
        entries.append("{} type=dir mode=0750 uid={user} gid={user} {}".format(directory[1:], EPOCH, user = USER))
    tar(
        name = name + "_layer",
        srcs = [
            binary,
            ":" + name + "_sbom",
        ],
        compress = "gzip",
        mtree = entries,
        tags = manual,
    )

    labels = {
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.source": SOURCE,
        "org.opencontainers.image.title": program,
    }
    expand_template(
        name = name + "_labels",
        out = name + "_labels.txt",
        stamp = -1,
        stamp_substitutions = {"{release}": "\n".join([
            "org.opencontainers.image.created={{STABLE_CREATED}}",
            "org.opencontainers.image.revision={{STABLE_REVISION}}",
            "org.opencontainers.image.version={{STABLE_VERSION}}",
        ])},
        substitutions = {"{release}": ""},
        tags = manual,
        template = ["{}={}".format(key, value) for key, value in labels.items()] + ["{release}"],
    )
    oci_image(
        name = name + "_linux",
        # on the manifest too, where registries look
        annotations = ":" + name + "_labels",
        architecture = select({
            "@platforms//cpu:aarch64": "arm64",
            "@platforms//cpu:x86_64": "amd64",
        }),
        entrypoint = ["/" + program],
        env = env,
        exposed_ports = [port + "/tcp"],
        labels = ":" + name + "_labels",
        os = "linux",
        tags = manual,
        tars = [":" + name + "_layer"],
        user = USER + ":" + USER,
        volumes = [directory] if directory else None,
        workdir = directory or "/",
    )
    oci_image_index(
        name = name,
        images = [":" + name + "_linux"],
        platforms = [
            LINUX_AMD64,
            LINUX_ARM64,
        ],
        visibility = visibility,
    )

    native_test(
        name = name + "_test",
        size = "small",
        src = "//tools/oci/check",
        args = ["--program=" + program, "--port=" + port] +
               ["--env={}={}".format(key, value) for key, value in env.items()] +
               (["--directory=" + directory] if directory else []) +
               (["--npm"] if npm_lock else []) +
               ["$(rootpath :{})".format(name)],
        data = [":" + name],
    )

    platform_transition_filegroup(
        name = name + "_here",
        srcs = [":" + name + "_linux"],
        tags = manual,
        target_platform = select({
            "@platforms//cpu:aarch64": LINUX_ARM64,
            "@platforms//cpu:x86_64": LINUX_AMD64,
        }),
    )
    oci_load(
        name = name + "_load",
        image = ":" + name + "_here",
        repo_tags = ["rating/{}:dev".format(program)],
        tags = manual,
    )
