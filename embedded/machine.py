"""The commands of ``python -m embedded``: what is made, and in which order, from the parts of the other modules."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

from kafkalogs.parts import IMAGES

from embedded import programs, pull
from embedded.ahead import ahead
from embedded.cache import cache_root, require_disk
from embedded.catalog_image import catalog_image
from embedded.cluster import Cluster, kind_config
from embedded.connect_image import connect_image
from embedded.crds import crds as strimzi_crds
from embedded.crds import embedded_crds
from embedded.database_image import database_image
from embedded.deploy import STACK, make_stack, pulumi_destroy, pulumi_up, stack_has
from embedded.engine import Engine, candidates, find_engine
from embedded.filebeat_image import filebeat_image
from embedded.flink_image import flink_image
from embedded.go_builds import drop_caches
from embedded.images import operator_image, shop_image
from embedded.kafka_image import kafka_image
from embedded.monitoring_image import exporter_image, monitoring_image
from embedded.node_image import kubernetes, node_image
from embedded.oci import Image
from embedded.pager_image import pager_image, pagerduty_image
from embedded.progress import console, say, step
from embedded.publish import OURS, bills, publish
from embedded.pulled_images import pulled_images
from embedded.registry_image import registry_image, schemas_image
from embedded.s3_image import s3_image
from embedded.search_image import search_image
from embedded.search_setup_image import search_setup_image
from embedded.secrets_image import secrets_image
from embedded.source import Source, choose_source
from embedded.state import cluster_name, environment, forget, kubeconfig, machine_file
from embedded.toolchain import toolchain as pulumi_toolchain

# What an empty cache grows to while everything is built (measured: Go's own caches 9.7 GiB, artefacts 3.5), with some
# room; and what the engine's images, the node and the platform's volumes add.
BUILD_GIB = 16.0
RUN_GIB = 8.0


@cache
def source() -> Source:
    """Pull or build; printed when first asked for."""
    chosen = choose_source()
    console.print(f"source: [bold]{chosen.kind}[/bold] ({chosen.reason})", markup=True)
    return chosen


def building() -> bool:
    return source().kind == "build"


@cache
def engine() -> Engine:
    with step("Container engine"):
        found = find_engine(building=building())
        say(f"{found.name} runs privileged containers")
        return found


@cache
def tools() -> Path:
    """The folder with pulumi, its plugins, kind and kubectl."""
    with step("Programs: pulumi, kind, kubectl"):
        kubectl = programs.installed("kubectl")
        if kubectl is None:
            kubectl = kubernetes().get() / "kubectl" if building() else pull.kubectl(engine())
        return pulumi_toolchain(pull=not building(), others={"kind": programs.kind(), "kubectl": kubectl})


def toolchain() -> None:
    """Get the programs and say where they are."""
    _check_disk()
    console.print(str(tools()), markup=False)


def platform_images() -> dict[str, Image]:
    """The images that the stack `local` runs, by what machine.json calls them."""
    return {**base_images(), **pipeline_images()} if stack_has(IMAGES) else base_images()


def base_images() -> dict[str, Image]:
    """The images of the platform without the parts that read the logs."""
    return {"operator": operator_image(), "kafka": kafka_image(), "shop": shop_image()}


def pipeline_images() -> dict[str, Image]:
    """The images of the parts that read the logs, and of what they need on one machine."""
    return {
        "secrets": secrets_image(),
        "s3": s3_image(),
        "database": database_image(),
        "search": search_image(),
        "search-setup": search_setup_image(),
        "registry": registry_image(),
        "schemas": schemas_image(),
        "connect": connect_image(),
        "flink": flink_image(),
        "catalog": catalog_image(),
        "pager": pager_image(),
        "pagerduty": pagerduty_image(),
        "shipper": filebeat_image(),
        "exporter": exporter_image(),
        "monitoring": monitoring_image(),
    }


def images(registry: str = "") -> None:
    """Build all images that are not pulled, and give the engine the node's.

    registry: push all that a platform can need there instead, with bills of materials, and pin them for the stacks.
    """
    _check_disk()
    runs = engine()
    if registry:
        publish(
            runs, {**base_images(), **pipeline_images()} if building() else pulled_images(runs, parts=True), registry
        )
        console.print(f"pinned in stacks/images.yaml; bills of materials in {bills()}", markup=False)
        return
    if not building():
        pulled_images(runs, parts=stack_has(IMAGES))
        return
    node, others = node_image(), platform_images()
    with step("Node image"), ahead([node.layers[0].get, *(image.build for image in others.values()), strimzi_crds]):
        runs.load(node)
    for name, image in others.items():
        with step(f"Image {name}"):
            image.build()


def _check_disk() -> None:
    """Say at once if the disk is too small, rather than after half of the builds."""
    if building() and not all(layer.ready for layer in node_image().layers):
        require_disk(cache_root(), BUILD_GIB, "building everything from packages")
    else:
        require_disk(cache_root(), RUN_GIB, "the cluster and its images")


def crds() -> None:
    """Generate Strimzi's CRDs and say where they are."""
    with step("Strimzi's CRDs"):
        path = strimzi_crds()
    console.print(str(path), markup=False)


def prepare() -> None:
    """Everything that the tests need: programs, images, CRDs; no cluster."""
    images()
    if building():
        for name, image in pipeline_images().items():
            with step(f"Image {name}"):
                image.build()
    toolchain()
    crds()
    drop_caches()


def cluster() -> None:
    """Make or reuse the cluster, give it the images, and record it in machine.json."""
    images()
    with step("CRDs"):
        definitions = embedded_crds() if building() else strimzi_crds()
    with step(f"Cluster {cluster_name()}"):
        made = Cluster(engine(), programs.kind())
        if building():
            made.ensure(node_image().ref, kind_config(built=True))
            made.load(list(platform_images().values()))
            refs = {name: image.ref for name, image in platform_images().items()}
        else:
            made.ensure(pull.node_image(), kind_config(built=False))
            refs = {"kafka": pull.strimzi_kafka_image(), **pulled_images(engine(), parts=stack_has(IMAGES))}
            for ref in refs.values():
                if ref.startswith(OURS):
                    made.load_from_engine(ref)
    _record(definitions, refs)
    make_stack(tools())


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


def up() -> None:
    """From a bare machine to logs flowing: cluster, `pulumi up` of the stack local, report."""
    from embedded.report import report

    cluster()
    folder = tools()
    drop_caches()
    with step(f"pulumi up --stack {STACK}"):
        pulumi_up(folder)
    report()


def down(*, force: bool = False) -> None:
    """Remove the platform, the cluster and the engine's images; the cache stays.

    force: do not ask Pulumi to destroy the platform first: it goes with its cluster.
    """
    # the one that works now need not be the one that worked then; of podman's two settings, ours if they are there
    engines = {found.name: found for found in candidates() if found.answers()}
    if not engines:
        console.print("no container engine answers: there is only this checkout's state to remove")
    for found in engines.values():
        _take_down(Cluster(found, programs.kind()), force=force)
    forget()


def _take_down(made: Cluster, *, force: bool) -> None:
    if made.running() and machine_file().exists() and not force:
        with step(f"pulumi destroy --stack {STACK}"):
            pulumi_destroy(tools())
    with step(f"Removing cluster {made.name} from {made.engine.name}"):
        made.delete()
        if not made.others():
            say("removing images and network")
            made.engine.remove_images(OURS)
            made.engine.remove_network("kind")


def env() -> None:
    """Print what a shell has to export; progress goes to standard error."""
    console.file = sys.stderr
    folder = tools()
    values = environment(folder) | dict(engine().env)
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()))


def clean() -> None:
    """Remove the cache."""
    if cache_root().exists():
        with step("Removing the cache"):
            say(str(cache_root()))
            shutil.rmtree(cache_root(), ignore_errors=False)
