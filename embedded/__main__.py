"""``python -m embedded COMMAND``: one bare machine becomes a cluster with the platform on it. See ``--help``."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Callable

from embedded.build.cache import EmbeddedError
from embedded.build.progress import console
from embedded.machine.choices import engine, tools
from embedded.machine.down import clean, down
from embedded.machine.images import check_disk, make_crds, make_images, prepare, publish_images
from embedded.machine.state import environment
from embedded.machine.up import deploy, make_cluster


def toolchain() -> None:
    """Get the programs and print their folder."""
    check_disk()
    console.print(str(tools()), markup=False)


def images(registry: str = "") -> None:
    """Make the images; with ``registry``, publish them there."""
    if registry:
        publish_images(registry)
    else:
        make_images()


def up() -> None:
    """From a bare machine to logs that flow: cluster, platform, report."""
    # loads slowly, and only this command reports
    from embedded.status.report import report

    deploy()
    report()


def env() -> None:
    """Print the settings of a shell; progress goes to standard error."""
    console.file = sys.stderr
    values = environment(tools()) | dict(engine().env)
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items()))


_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "toolchain": (toolchain, "get the programs: pulumi with its kubernetes provider, kind, kubectl"),
    "images": (images, "build the images that are not pulled; with --registry: publish all of them"),
    "cluster": (make_cluster, "make the kind cluster and load the images, or reuse it"),
    "up": (up, "all of the above, then `pulumi up` of the stack local and a report"),
    "down": (down, "remove the platform, the cluster and the engine's images; the cache stays"),
    "crds": (make_crds, "generate Strimzi's custom resource definitions"),
    "prepare": (prepare, "all of the above but the cluster: what the tests need"),
    "env": (env, "print `export` lines for a shell in which you use pulumi and kubectl yourself"),
    "clean": (clean, "remove the cache: the next run downloads and builds everything again"),
}


def main() -> int:
    """Run one command; 0 on success, 1 with one message on an error, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, about) in _COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        if name == "images":
            command.add_argument("--registry", default="", help="push them there, and pin them in stacks/images.yaml")
        if name == "down":
            command.add_argument("--force", action="store_true", help="without `pulumi destroy` first")
    options = vars(parser.parse_args())
    run = _COMMANDS[options.pop("command")][0]
    # SIGTERM ends a command as Ctrl-C does, so that half-made things are removed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(**options)
    except EmbeddedError as error:
        console.print("[red]error:[/red]", end=" ")
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; finished work is kept, and the next run continues from there")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
