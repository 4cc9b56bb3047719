"""The Python language host: options, arguments, and the service itself, as the CLI talks to it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from embedded.machine.language_host import Options, ProgramError, plugin_arguments, run_arguments
from embedded.machine.toolchain import host_script

VENV = Path(sys.executable).parent.parent


def info(folder: Path, **options) -> language_pb2.ProgramInfo:
    values = struct_pb2.Struct()
    values.update(options)
    return language_pb2.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point=".", options=values
    )


class TestOptions:
    def test_virtualenv_is_relative_to_the_project(self, tmp_path):
        assert Options.parse({"virtualenv": "../.venv"}, tmp_path / "a").virtualenv == tmp_path / "a" / ".." / ".venv"
        assert Options.parse({"virtualenv": "/opt/venv"}, tmp_path).virtualenv == Path("/opt/venv")

    def test_none_means_the_python_of_the_shell(self, tmp_path, monkeypatch):
        (tmp_path / "python3").write_text("#!/bin/sh\n")
        (tmp_path / "python3").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert Options.parse({}, tmp_path).python() == tmp_path / "python3"

    @pytest.mark.parametrize("options", [{"toolchain": "uv"}, {"toolchain": "poetry"}, {"typechecker": "mypy"}])
    def test_what_is_not_served_is_refused(self, tmp_path, options):
        with pytest.raises(ProgramError, match=next(iter(options))):
            Options.parse(options, tmp_path)

    def test_missing_virtualenv_is_named(self, tmp_path):
        with pytest.raises(ProgramError, match=f"{tmp_path}/nowhere.*pulumi install"):
            Options.parse({"virtualenv": "nowhere"}, tmp_path).python()

    def test_virtualenv_is_active(self, tmp_path):
        active = Options(tmp_path).environment({"PATH": "/bin", "PYTHONHOME": "/x", "A": "b"})
        assert active == {"PATH": f"{tmp_path}/bin:/bin", "VIRTUAL_ENV": str(tmp_path), "A": "b"}


class TestArguments:
    def test_of_a_program(self, tmp_path):
        request = language_pb2.RunRequest(
            project="p", stack="s", pwd="/w", monitor_address="m:1", parallel=4, dryRun=True, info=info(tmp_path)
        )
        words = run_arguments(request, "e:2")
        named = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
        assert named == {
            "--project": "p",
            "--stack": "s",
            "--pwd": "/w",
            "--monitor": "m:1",
            "--engine": "e:2",
            "--parallel": "4",
            "--dry_run": "true",
            "--root_directory": str(tmp_path),
        }
        assert words[-1] == "."

    def test_of_a_policy_pack(self, tmp_path):
        request = language_pb2.RunPluginRequest(kind="analyzer", args=["e:1"], info=info(tmp_path))
        assert plugin_arguments(request) == ["-u", "-m", "pulumi.policy", "e:1", str(tmp_path)]

    def test_of_a_component_plugin(self, tmp_path):
        request = language_pb2.RunPluginRequest(kind="resource", args=["e:1"], info=info(tmp_path))
        assert plugin_arguments(request) == ["-u", str(tmp_path), "e:1"]


@pytest.fixture
def host(tmp_path):
    """A host that runs, with a program for `pulumi-language-python-exec` that executes config value `code`."""
    executor = tmp_path / "pulumi-language-python-exec"
    executor.write_text("import json, os, sys\nexec(json.loads(os.environ['PULUMI_CONFIG'])['code'])\n")
    script = tmp_path / "pulumi-language-python"
    script.write_text(host_script(executor))
    script.chmod(0o755)
    output = tmp_path / "output"
    with output.open("wb") as stderr:
        process = subprocess.Popen([script, "127.0.0.1:9"], stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        process.port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            process.stub = language_pb2_grpc.LanguageRuntimeStub(channel)
            yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_request(folder: Path, code: str, **options) -> language_pb2.RunRequest:
    return language_pb2.RunRequest(pwd=str(folder), config={"code": code}, info=info(folder, **options))


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


class TestService:
    def test_says_its_version(self, host):
        assert host.stub.GetPluginInfo(language_pb2.google_dot_protobuf_dot_empty__pb2.Empty()).version

    def test_program_that_succeeds(self, host, tmp_path):
        request = run_request(tmp_path, "open('made', 'w').write(os.environ['VIRTUAL_ENV'])", virtualenv=str(VENV))
        answer = host.stub.Run(request)
        assert (answer.error, answer.bail) == ("", False)
        assert (tmp_path / "made").read_text() == str(VENV)

    def test_program_that_fails(self, host, tmp_path):
        assert "exit code: 3" in host.stub.Run(run_request(tmp_path, "sys.exit(3)")).error

    def test_failure_that_was_shown_is_not_repeated(self, host, tmp_path):
        answer = host.stub.Run(run_request(tmp_path, "sys.exit(32)"))
        assert (answer.error, answer.bail) == ("", True)

    def test_secret_keys_reach_the_program(self, host, tmp_path):
        request = run_request(tmp_path, "open('keys', 'w').write(os.environ['PULUMI_CONFIG_SECRET_KEYS'])")
        request.configSecretKeys.append("p:token")
        host.stub.Run(request)
        assert json.loads((tmp_path / "keys").read_text()) == ["p:token"]

    def test_bad_option_is_an_error_for_the_person(self, host, tmp_path):
        with pytest.raises(grpc.RpcError) as error:
            host.stub.Run(run_request(tmp_path, "", toolchain="poetry"))
        assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "toolchain: poetry" in error.value.details()

    def test_dependencies_are_installed_into_a_virtual_environment_that_is_made(self, host, tmp_path):
        (tmp_path / "requirements.txt").write_text("-e ./own\n")
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "setup.py").write_text("raise SystemExit('own is asked for')\n")
        request = language_pb2.InstallDependenciesRequest(info=info(tmp_path, virtualenv="fresh"))
        answers = []
        with pytest.raises(grpc.RpcError, match="pip install") as error:
            answers.extend(host.stub.InstallDependencies(request))
        assert b"own is asked for" in b"".join(answer.stdout + answer.stderr for answer in answers)
        assert error.value.code() == grpc.StatusCode.INTERNAL
        assert (tmp_path / "fresh" / "bin" / "python").exists()

    def test_plugin_streams_both_outputs_and_its_exit_code(self, host, tmp_path):
        (tmp_path / "__main__.py").write_text(
            "import os, sys\nprint(sys.argv[1], os.environ['A'], flush=True)\n"
            "print('oops', file=sys.stderr)\nsys.exit(5)\n"
        )
        request = language_pb2.RunPluginRequest(
            kind="resource", pwd="/", args=["word"], env=["A=b=c", f"PATH={os.environ['PATH']}"], info=info(tmp_path)
        )
        messages = list(host.stub.RunPlugin(request))
        assert b"".join(m.stdout for m in messages) == b"word b=c\n"
        assert b"".join(m.stderr for m in messages) == b"oops\n"
        assert messages[-1].WhichOneof("output") == "exitcode"
        assert messages[-1].exitcode == 5

    def test_plugin_ends_with_its_stream(self, host, tmp_path):
        (tmp_path / "__main__.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
        stream = host.stub.RunPlugin(language_pb2.RunPluginRequest(kind="resource", pwd="/", info=info(tmp_path)))
        pid = int(next(stream).stdout)
        stream.cancel()
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())

    def test_interrupt_ends_the_host_and_its_programs(self, host, tmp_path):
        code = "import time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
        call = host.stub.Run.future(run_request(tmp_path, code))
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        host.send_signal(signal.SIGINT)
        assert host.wait(timeout=5) == 0
        call.cancel()
        wait_for(lambda: not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists())
