"""The image of a kind node: Debian, containerd, Kubernetes and the images of the cluster's components.

It equals kind's node image (files of its images/base, from its Go module), but is assembled from plain layers, without
running a container. One archive inside holds the components' images; ``import-images.service`` gives it to containerd
at a node's first boot, before kubelet starts.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from embedded.build.cache import Artefact, tree_digest
from embedded.build.debian import debian_layer
from embedded.build.go import go_artefact, go_module_source, module_version
from embedded.build.oci import OURS, Copy, Image, files_layer, write_archive, write_layer
from embedded.build.pins import pins

_FILES = Path(__file__).parent / "files" / "node"

_NODE_PACKAGES = (
    *("systemd", "dbus", "containerd", "runc", "containernetworking-plugins", "iptables", "nftables", "conntrack"),
    *("ebtables", "ethtool", "iproute2", "kmod", "socat", "mount", "util-linux", "procps", "jq", "pigz"),
    "ca-certificates",
)
_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def kubernetes_version() -> str:
    """The version of Kubernetes that is built, e.g. ``v1.34.4``."""
    return module_version("kubernetes", "k8s.io/kubernetes")


def kubernetes() -> Artefact:
    """The folder with Kubernetes' binaries, kubectl and kubeadm among them."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = {f"{package}.{name}": value for package in packages for name, value in values.items()}
    return go_artefact("kubernetes", version_flags=flags, needs_gib=8)


def coredns_tag() -> str:
    """The tag under which the node holds CoreDNS."""
    return module_version("coredns", "github.com/coredns/coredns")


def etcd_tag() -> str:
    """The tag under which the node holds etcd."""
    return module_version("etcd", "go.etcd.io/etcd/server/v3").removeprefix("v") + "-0"


def pause() -> Artefact:
    """The folder with the program ``pause``."""
    return go_artefact("pause", (".",), needs_gib=0.5)


def _component(name: str, tag: str, source: Artefact, binary: str, *lower: Artefact, entrypoint: bool = True) -> Image:
    program = name.rsplit("/", 1)[-1]
    target = f"/usr/local/bin/{program}"
    layer = files_layer(program, [Copy(source, target, inside=binary)])
    return Image(name, (*lower, layer), entrypoint=[target] if entrypoint else [], tag=tag)


def component_images() -> list[Image]:
    """The images of the control plane, DNS and volumes, by the names that kubeadm, kind and our manifests use."""
    version, binaries = kubernetes_version(), kubernetes()
    tools = debian_layer("tools", pins()["debian"]["node"], ("iptables", "kmod"))
    registry = "registry.k8s.io"
    provisioner = go_artefact("local-path-provisioner")
    return [
        *(_component(f"{registry}/{name}", version, binaries, name) for name in _COMPONENTS),
        _component(f"{registry}/kube-proxy", version, binaries, "kube-proxy", tools),
        _component(f"{registry}/etcd", etcd_tag(), go_artefact("etcd"), "server"),
        _component(f"{registry}/coredns/coredns", coredns_tag(), go_artefact("coredns", (".",)), "coredns"),
        _component(f"{registry}/pause", pins()["kubernetes"]["pause"], pause(), "pause"),
        _component(
            *(f"{OURS}local-path-provisioner", "bundled", provisioner, "local-path-provisioner"),
            entrypoint=False,
        ),
        Image(f"{OURS}local-path-helper", (tools,), tag="bundled"),
    ]


def node_image() -> Image:
    """The node image that is built here."""
    base = debian_layer("node", pins()["debian"]["node"], _NODE_PACKAGES, _FILES / "customize.sh")
    components = component_images()
    files = Artefact(
        "layer-node",
        {
            "files": tree_digest(_FILES / "root"),
            "kind": module_version("kind", "sigs.k8s.io/kind"),
            "components": {image.ref: image.key for image in components},
            "kubernetes": kubernetes().key,
            "recipe": 1,
        },
        partial(_node_layer, components=components),
        needs_gib=3,
    )
    return Image(
        f"{OURS}node",
        (base, files),
        entrypoint=["/usr/local/bin/entrypoint", "/sbin/init"],
        # systemd requires this variable and the signal: https://systemd.io/CONTAINER_INTERFACE/
        env={"container": "docker"},
        stop_signal="SIGRTMIN+3",
        version=kubernetes_version(),
    )


def _node_layer(out: Path, components: list[Image]) -> None:
    root = out / "root"
    shutil.copytree(go_module_source("kind", "sigs.k8s.io/kind") / "images" / "base" / "files", root)
    for script in (*(root / "usr/local/bin").iterdir(), *(root / "kind/bin").iterdir()):
        script.chmod(0o755)  # Go modules do not store file modes
    shutil.copytree(_FILES / "root", root, dirs_exist_ok=True)

    (root / "usr/bin").mkdir(parents=True)
    for binary in ("kubelet", "kubeadm", "kubectl"):
        shutil.copy2(kubernetes().get() / binary, root / "usr/bin" / binary)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    for service in ("containerd", "kubelet", "import-images", "undo-mount-hacks"):
        (wants / f"{service}.service").symlink_to(f"/etc/systemd/system/{service}.service")

    (root / "kind/version").write_text(kubernetes_version())
    (root / "kind/images").mkdir()
    with (root / "kind/images/components.tar").open("wb") as archive:
        write_archive(components, archive)
    write_layer(out, [(root, "/")])
    shutil.rmtree(root)
