"""`make cluster`, and the part of `make up` before its report: images, cluster, machine.json, `pulumi up`."""

from __future__ import annotations

import json
from pathlib import Path

from embedded.build.crds import crds, embedded_crds
from embedded.build.go import drop_caches
from embedded.build.images.node import node_image
from embedded.build.oci import OURS
from embedded.build.progress import step
from embedded.machine import programs, pull
from embedded.machine.choices import building, engine, source, tools
from embedded.machine.cluster import Cluster, kind_config
from embedded.machine.deploy import STACK, make_stack, pulumi_up, stack_has_parts
from embedded.machine.images import make_images, platform_images
from embedded.machine.state import cluster_name, kubeconfig, machine_file


def deploy() -> None:
    """Make a running platform on a bare machine: the cluster, then `pulumi up` of the stack local."""
    make_cluster()
    folder = tools()
    drop_caches()
    with step(f"pulumi up --stack {STACK}"):
        pulumi_up(folder)


def make_cluster() -> None:
    """Create or reuse the cluster, load the images into it, and record both in machine.json."""
    make_images()
    with step("CRDs"):
        definitions = embedded_crds() if building() else crds()
    with step(f"Cluster {cluster_name()}"):
        made = Cluster(engine(), programs.kind())
        refs = _fill_built(made) if building() else _fill_pulled(made)
    _record(definitions, refs)
    make_stack(tools())


def _fill_built(made: Cluster) -> dict[str, str]:
    """Create a cluster with built images; return their references by name."""
    made.ensure(node_image().ref, kind_config(built=True))
    images = platform_images()
    made.load(list(images.values()))
    return {name: image.ref for name, image in images.items()}


def _fill_pulled(made: Cluster) -> dict[str, str]:
    """Create a cluster that pulls its images; return their references by name."""
    made.ensure(pull.node_image(), kind_config(built=False))
    refs = {"kafka": pull.strimzi_kafka_image(), **pull.pulled_images(engine(), parts=stack_has_parts())}
    for ref in refs.values():
        if ref.startswith(OURS):
            made.load_from_engine(ref)
    return refs


def _record(definitions: Path, refs: dict[str, str]) -> None:
    record = {
        "source": source().kind,
        "reason": source().reason,
        "operator": "embedded" if building() else "strimzi",
        "kubeconfig": str(kubeconfig()),
        "context": f"kind-{cluster_name()}",
        "crds": str(definitions),
        "images": refs,
    }
    temporary = machine_file().with_suffix(".new")
    temporary.write_text(json.dumps(record, indent=2) + "\n")
    temporary.rename(machine_file())
