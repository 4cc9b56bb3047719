"""A language host for Pulumi programs in Python: the CLI starts it as ``pulumi-language-python``.

Pulumi's own host, a Go program, comes only with Pulumi's download. This host serves the same gRPC service
(``LanguageRuntime`` of Pulumi's proto/pulumi/language.proto) with the stubs of the SDK, and starts programs by the same
script, ``pulumi-language-python-exec``. It serves preview, up, refresh, destroy, policy packs and component plugins. It
knows the ``runtime`` options ``virtualenv`` and ``toolchain: pip`` (the default) in Pulumi.yaml, and refuses others.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import grpc
from google.protobuf import json_format

if TYPE_CHECKING:
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
else:

    def _stub(name: str) -> Any:
        """A module of the SDK's stubs without the SDK, whose import takes longer than all other work of this host."""
        if "pulumi_stubs" not in sys.modules:
            sdk = importlib.util.find_spec("pulumi")
            if sdk is None:
                sys.exit(f"The Pulumi SDK is not installed for {sys.executable}. Run `make toolchain`.")
            folder = Path(sdk.submodule_search_locations[0], "runtime", "proto")
            sys.modules["pulumi_stubs"] = package = type(sys)("pulumi_stubs")
            package.__path__ = [str(folder)]
        return importlib.import_module(f"pulumi_stubs.{name}")

    language_pb2, language_pb2_grpc, plugin_pb2 = map(_stub, ("language_pb2", "language_pb2_grpc", "plugin_pb2"))

# pulumi-language-python-exec exits with this code if it has already shown the error
ALREADY_SHOWN = 32


class ProgramError(Exception):
    """The program cannot start; the text says what to change."""


@dataclass(frozen=True)
class Options:
    """The options that this host reads from the ``runtime`` of Pulumi.yaml, PulumiPlugin.yaml or PulumiPolicy.yaml."""

    virtualenv: Path | None = None

    @classmethod
    def parse(cls, options: Mapping[str, Any], root: Path) -> Options:
        """Parse the ``options`` of a project in the folder ``root``. Raises ProgramError for unknown ones."""
        toolchain = options.get("toolchain", "pip")
        unknown = sorted(set(options) - {"virtualenv", "toolchain"})
        if unknown or toolchain != "pip":
            what = f"toolchain: {toolchain}" if toolchain != "pip" else unknown[0]
            raise ProgramError(
                f"runtime option `{what}` of the project in {root} needs Pulumi's own Python language host; this is "
                "the small one of kafkalogs. Remove the option, or install Pulumi by its own installer."
            )
        virtualenv = options.get("virtualenv")
        return cls((root / virtualenv).absolute() if virtualenv else None)

    def python(self) -> Path:
        """The Python that runs the program. Raises ProgramError if the virtual environment does not exist."""
        if self.virtualenv is None:
            return Path(shutil.which("python3") or sys.executable)
        python = self.virtualenv / "bin" / "python"
        if not python.exists():
            raise ProgramError(
                f"the virtual environment {self.virtualenv} (runtime option `virtualenv`) does not exist. "
                "Create it by `make toolchain` in kafkalogs, or by `pulumi install`."
            )
        return python

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` with the virtual environment active, as its ``activate`` does."""
        if self.virtualenv is None:
            return dict(base)
        environment = {key: value for key, value in base.items() if key != "PYTHONHOME"}
        environment["VIRTUAL_ENV"] = str(self.virtualenv)
        environment["PATH"] = os.pathsep.join([str(self.virtualenv / "bin"), base.get("PATH", os.defpath)])
        return environment


def run_arguments(request: language_pb2.RunRequest, engine: str) -> list[str]:
    """The arguments of ``pulumi-language-python-exec`` for a request to run a program."""
    values = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    named = [word for key, value in values.items() if value for word in (f"--{key}", value)]
    return [*named, request.info.entry_point or request.program or ".", *request.args]


def plugin_arguments(request: language_pb2.RunPluginRequest) -> list[str]:
    """The arguments of Python for a request to run a plugin: a policy pack, or a folder with a ``__main__.py``."""
    folder = request.info.program_directory
    if request.kind == "analyzer":
        return ["-u", "-m", "pulumi.policy", *request.args, folder]
    return ["-u", folder, *request.args]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The service. engine: address of the CLI's service; executor: path of pulumi-language-python-exec."""

    def __init__(self, engine: str, executor: Path) -> None:
        self.engine = engine
        self.executor = executor
        self.children: set[subprocess.Popen[bytes]] = set()

    # the protocol names the methods and some fields
    def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:  # noqa: N802
        """Take the address of the CLI's service."""
        self.engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        """The version of the SDK."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> language_pb2.GetRequiredPackagesResponse:  # noqa: N802
        """None."""
        # The CLI then loads a provider at its first resource, so that a program needs no provider for a package that
        # is only installed.
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: Any) -> language_pb2.AboutResponse:  # noqa: N802
        """The Python of the program."""
        python = self._options(request.info, context).python()
        version = subprocess.check_output([python, "--version"], text=True).split()[-1]
        return language_pb2.AboutResponse(executable=str(python), version=version)

    def GetProgramDependencies(self, request: Any, context: Any) -> language_pb2.GetProgramDependenciesResponse:  # noqa: N802
        """The packages that the program's Python has."""
        python = self._options(request.info, context).python()
        code = (
            "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
        )
        packages = sorted(json.loads(subprocess.check_output([python, "-c", code])))
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in packages]
        )

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[language_pb2.InstallDependenciesResponse]:  # noqa: N802
        """Create the program's virtual environment and install its requirements.txt, where it has them."""
        options = self._options(request.info, context, installed=False)
        folder = Path(request.info.program_directory)
        commands: list[Sequence[str | Path]] = []
        if options.virtualenv and not options.virtualenv.exists():
            commands.append([sys.executable, "-m", "venv", options.virtualenv])
        python = options.virtualenv / "bin" / "python" if options.virtualenv else options.python()
        if (folder / "requirements.txt").exists():
            commands.append(
                [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", folder / "requirements.txt"]
            )
        for command in commands:
            # in the folder, since the file may have relative paths
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
            yield language_pb2.InstallDependenciesResponse(stdout=done.stdout, stderr=done.stderr)
            if done.returncode:
                context.abort(grpc.StatusCode.INTERNAL, f"`{' '.join(map(str, command))}` failed")

    def Run(self, request: Any, context: Any) -> language_pb2.RunResponse:  # noqa: N802
        """Run a program to its end."""
        options = self._options(request.info, context)
        environment = options.environment(os.environ)
        environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        command = [options.python(), "-u", self.executor, *run_arguments(request, self.engine)]
        # the program writes to the outputs of this process, which the CLI shows
        code = self._start(command, environment, request.pwd, context).wait()
        if code == ALREADY_SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[language_pb2.RunPluginResponse]:  # noqa: N802
        """Run a policy pack or a component plugin; answer with its output and, last, its exit code."""
        options = self._options(request.info, context)
        environment = options.environment(dict(entry.split("=", 1) for entry in request.env) or os.environ)
        command = [options.python(), *plugin_arguments(request)]
        child = self._start(command, environment, request.pwd, context, subprocess.PIPE)
        output: queue.Queue[tuple[str, bytes]] = queue.Queue()
        for name, stream in (("stdout", child.stdout), ("stderr", child.stderr)):
            threading.Thread(target=_forward, args=(name, stream, output), daemon=True).start()
        ended = 0
        while ended < 2:
            name, data = output.get()
            ended += not data
            if data:
                response = language_pb2.RunPluginResponse()
                setattr(response, name, data)
                yield response
        yield language_pb2.RunPluginResponse(exitcode=child.wait())

    def _options(
        self, info: language_pb2.ProgramInfo, context: grpc.ServicerContext, *, installed: bool = True
    ) -> Options:
        """The options of a program. installed: its virtual environment must exist."""
        try:
            options = Options.parse(json_format.MessageToDict(info.options), Path(info.root_directory))
            if installed:
                options.python()
        except ProgramError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return options

    def _start(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        folder: str,
        context: grpc.ServicerContext,
        output: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process. It ends with the request at the latest, or with this process."""
        child = subprocess.Popen(
            command, env=environment, cwd=folder or None, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        self.children.add(child)

        def ended() -> None:
            self.children.discard(child)
            if child.poll() is None:
                child.terminate()

        if not context.add_callback(ended):
            ended()
        return child

    def stop(self) -> None:
        """End all running programs."""
        for child in list(self.children):
            child.terminate()


def _forward(name: str, stream: IO[bytes], output: queue.Queue[tuple[str, bytes]]) -> None:
    """Put all data of ``stream`` into ``output``, and empty bytes at its end."""
    while data := os.read(stream.fileno(), 65536):
        output.put((name, data))
    output.put((name, b""))


def main(executor: Path) -> None:
    """Serve until the CLI ends, or interrupts this process. executor: path of pulumi-language-python-exec."""
    parser = argparse.ArgumentParser(prog="pulumi-language-python")
    parser.add_argument("--tracing")
    parser.add_argument("--logtostderr", action="store_true")
    parser.add_argument("-v", "--verbose", type=int)
    parser.add_argument("engine", help="address of the engine")
    arguments = parser.parse_args()

    parent = os.getppid()
    stopped = threading.Event()
    # The CLI interrupts the whole process group when it no longer needs the host. (Programs do not inherit a handler;
    # they would inherit SIG_IGN.)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    host = LanguageHost(arguments.engine, executor)
    # a thread for each running program or plugin, and some for short requests; they start when needed
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)

    # a killed CLI sends no interrupt
    while not stopped.wait(1) and os.getppid() == parent:
        pass
    host.stop()
    server.stop(grace=None)
    # threads that still wait for a stream must not keep the process alive
    sys.stdout.flush()
    os._exit(0)
