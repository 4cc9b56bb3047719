"""``python -m embedded COMMAND``: one bare machine becomes a cluster with the platform on it. See ``--help``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from embedded import machine
from embedded.cache import EmbeddedError
from embedded.progress import console

_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "toolchain": (machine.toolchain, "get the programs: pulumi with its kubernetes provider, kind, kubectl"),
    "images": (machine.images, "build the images that are not pulled; with --registry: publish all of them"),
    "cluster": (machine.cluster, "make the kind cluster and load the images, or reuse it"),
    "up": (machine.up, "all of the above, then `pulumi up` of the stack local and a report"),
    "down": (machine.down, "remove the platform, the cluster and the engine's images; the cache stays"),
    "crds": (machine.crds, "generate Strimzi's custom resource definitions"),
    "prepare": (machine.prepare, "all of the above but the cluster: what the tests need"),
    "env": (machine.env, "print `export` lines for a shell that is to use pulumi and kubectl by hand"),
    "clean": (machine.clean, "remove the cache: everything is downloaded and built anew next time"),
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
    # SIGTERM ends it as Ctrl-C does: what is half made is removed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(**options)
    except EmbeddedError as error:
        console.print("[red]error:[/red]", end=" ")
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; what was finished is kept, and the next run goes on from there")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
