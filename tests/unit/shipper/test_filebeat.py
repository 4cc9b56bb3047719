"""Filebeat itself reads files as Kubernetes writes them, with the configuration of the shipper."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from kafkalogs.client.logevent import LogEvent
from kafkalogs.replay.textlog import guess_level
from kafkalogs.shipper.config import Shipped, filebeat_config

from embedded.build.images.servers import filebeat

POD = "kafkalogs_checkout-service-784b5b8548-nm69w_0b1c2d3e-0000-4000-8000-000000000001"
BROKER = "kafkalogs_logs-kafka-0_0b1c2d3e-0000-4000-8000-000000000002"
OWN = "kafkalogs-shipper_shipper-x7k2p_0b1c2d3e-0000-4000-8000-000000000003"
OTHER = "elsewhere_web-0_0b1c2d3e-0000-4000-8000-000000000004"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

LINES = [
    "2026-01-02 03:04:05,678 INFO [main] c: started",
    "2026-01-02 03:04:05,678 WARN  [main] slow",
    "[error] [client 1.2.3.4] no such file",
    "time=1 level=error msg=x",
    '"GET / HTTP/1.1" 503 12',
    '"GET / HTTP/1.1" 404 12',
    "nothing failed here",
    "DEBUG a",
    "FATAL b",
    "an INFOrmal note",
    "<crit> c",
    "com.example.ERROR.Handler ok",
    "[kernel:Warning] d",
    "[error] e, no WARN",
    "WARN f, no [error]",
]


def run(folder: Path, config: dict, count: int) -> list[dict]:
    """What Filebeat would send until it has `count` events, or ten seconds have passed: keys and events."""
    config = {key: value for key, value in config.items() if key not in {"output.kafka", "http"}}
    config["output.file"] = {
        "path": str(folder / "out"),
        "filename": "events",
        "codec.format": {"string": '{"key": "%{[instance]}", "event": %{[document]}}'},
    }
    (folder / "filebeat.yml").write_text(yaml.safe_dump(config))
    (folder / "filebeat.yml").chmod(0o600)
    words = [filebeat().get() / "filebeat", "-e", "-c", str(folder / "filebeat.yml"), "--path.home", str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, env={**os.environ, "NODE_NAME": "node-1"}, stderr=log)
        try:
            deadline = time.monotonic() + 10
            while len(sent(folder)) < count and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
            time.sleep(0.3)  # would there be more than expected?
        finally:
            process.terminate()
            process.wait(20)
    found = sent(folder)
    assert len(found) == count, (folder / "log").read_text()
    return [json.loads(line) for line in found]


def sent(folder: Path) -> list[str]:
    return [line for file in (folder / "out").glob("events*") for line in file.read_text().splitlines()]


def write(pods: Path, pod: str, lines: list[str], name: str = "0.log") -> None:
    folder = pods / pod / "main"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"2026-01-02T03:04:05.{i:09d}Z {line}\n" for i, line in enumerate(lines)))


def config(folder: Path, **more) -> dict:
    values = {
        "bootstrap": "localhost:1",
        "topic": "logs.platform",
        "namespaces": ["kafkalogs"],
        "files": {},
        "own_namespace": "kafkalogs-shipper",
        "queue_bytes": 100 * 2**20,
    }
    shipped = Shipped(**{**values, **more}, data=str(folder / "data"), pods=str(folder / "pods"))
    return filebeat_config(shipped)


def shipped(folder: Path, count: int, **more) -> list[dict]:
    return run(folder, config(folder, **more), count)


@pytest.fixture
def pods(tmp_path) -> Path:
    return tmp_path / "pods"


def test_lines_become_log_events(tmp_path, pods):
    text = ["stdout F " + line for line in LINES]
    write(pods, POD, text)
    write(pods, BROKER, ["stderr F E0102 03:04:05.678 1 x.go:1] no leader", "stdout P first ", "stdout F second"])
    found = shipped(tmp_path, len(LINES) + 2)
    events = {one["event"]["message"]: one for one in found}
    for line in LINES:
        event = LogEvent.from_json(json.dumps(events[line]["event"]).encode())
        assert event.service == "checkout-service"
        assert event.instance == "checkout-service-784b5b8548-nm69w" == events[line]["key"]
        assert event.attributes == {"node": "node-1", "namespace": "kafkalogs", "container": "main", "stream": "stdout"}
        assert event.level == guess_level(line), line
    assert events[LINES[3]]["event"]["timestamp"] == "2026-01-02T03:04:05.000Z"
    klog = events["E0102 03:04:05.678 1 x.go:1] no leader"]["event"]
    assert (klog["level"], klog["service"], klog["attributes"]["stream"]) == ("error", "logs-kafka", "stderr")
    assert "first second" in events
    assert len({one["event"]["trace_id"] for one in found}) == len(found)


def test_json_lines_keep_what_they_say(tmp_path, pods):
    whole = {"message": "paid", "level": "Warning", "trace_id": TRACE, "span_id": SPAN, "attributes": {"user_id": "u"}}
    write(
        pods,
        POD,
        [
            "stdout F " + json.dumps({**whole, "amount": 3.5, "ok": True, "list": [1, "ü"]}),
            "stdout F " + json.dumps({"msg": "ERROR inside", "trace_id": "0" * 32}),
            'stdout F {"no": "message"}',
            'stdout F {"broken": ',
            "stdout F [1, 2]",
            "stdout F null",
        ],
    )
    events = [one["event"] for one in shipped(tmp_path, 6)]
    for event in events:
        LogEvent.from_json(json.dumps(event).encode())
    about = {"node": "node-1", "namespace": "kafkalogs", "container": "main", "stream": "stdout"}
    by_message = {event["message"]: event for event in events}
    first, second = by_message.pop("paid"), by_message.pop("ERROR inside")
    assert (first["level"], first["trace_id"], first["span_id"]) == ("warning", TRACE, SPAN)
    assert first["attributes"] == {"user_id": "u", "amount": 3.5, "ok": True, "list": [1, "ü"], **about}
    assert second["level"] == "error"
    assert second["trace_id"] != "0" * 32
    assert set(by_message) == {'{"no": "message"}', '{"broken": ', "[1, 2]", "null"}
    assert by_message['{"no": "message"}']["attributes"] == {"no": "message", **about}


def test_a_stack_trace_is_one_event(tmp_path, pods):
    lines = [
        "ERROR broke",
        "java.lang.IllegalStateException: x",
        "\tat a.B.c(D.java:1)",
        "Caused by: y",
        "\t... 3 more",
    ]
    write(pods, POD, ["stdout F " + line for line in lines] + ["stdout F INFO next"])
    messages = [one["event"]["message"] for one in shipped(tmp_path, 3)]
    assert sorted(messages) == sorted(["ERROR broke", "\n".join(lines[1:]), "INFO next"])


def test_what_cannot_be_text_does_not_stop_the_rest(tmp_path, pods):
    folder = pods / POD / "main"
    folder.mkdir(parents=True)
    bad = b"2026-01-02T03:04:05.1Z stdout F bad \xff\xfe byte\n"
    # Kubernetes splits long lines into parts
    long = b"2026-01-02T03:04:05.2Z stdout P " + b"x" * 2**14 + b"\n"
    end = b"2026-01-02T03:04:05.3Z stdout F end\n"
    (folder / "0.log").write_bytes(bad + 80 * long + end + b"2026-01-02T03:04:05.4Z stdout F ERROR last\n")
    events = [one["event"] for one in shipped(tmp_path, 3)]
    assert "ERROR last" in {event["message"] for event in events}
    assert 2**14 < max(len(event["message"]) for event in events) <= 256 * 1024
    assert any(event["message"].startswith("bad ") for event in events)


def test_the_shipper_does_not_ship_itself(tmp_path, pods):
    for pod in (POD, OWN, OTHER):
        write(pods, pod, ["stdout F hello"])
    assert [one["event"]["service"] for one in shipped(tmp_path, 1)] == ["checkout-service"]


def test_all_namespaces_but_its_own(tmp_path, pods):
    for pod in (POD, OWN, OTHER):
        write(pods, pod, ["stdout F hello"])
    services = {one["event"]["service"] for one in shipped(tmp_path, 2, namespaces=["*"])}
    assert services == {"checkout-service", "web"}


def test_nothing_is_shipped_twice_and_rotated_files_are_read_to_their_end(tmp_path, pods):
    write(pods, POD, ["stdout F one"])
    first = shipped(tmp_path, 1)
    folder = pods / POD / "main"
    with (folder / "0.log").open("a") as file:
        file.write("2026-01-02T03:04:06.0Z stdout F two\n")
    (folder / "0.log").rename(folder / "0.log.20260102-030407")
    write(pods, POD, ["stdout F three"])
    (tmp_path / "out").rename(tmp_path / "before")
    second = shipped(tmp_path, 2)
    assert [one["event"]["message"] for one in first] == ["one"]
    assert sorted(one["event"]["message"] for one in second) == ["three", "two"]


def test_files_of_the_node_belong_to_the_service_that_writes_them(tmp_path, pods):
    (tmp_path / "kern.log").write_text("Jan  2 03:04:05 node-1 kernel: [1.5] oops ERROR\n")
    (found,) = shipped(tmp_path, 1, files={"kernel": [str(tmp_path / "kern.log")]})
    event = LogEvent.from_json(json.dumps(found["event"]).encode())
    assert (event.service, event.level) == ("kernel", "error")
    assert event.instance == f"node-1:{tmp_path}/kern.log"
    assert event.attributes == {"node": "node-1", "file": f"{tmp_path}/kern.log"}


def test_the_whole_configuration_is_one_that_filebeat_takes(tmp_path):
    made = config(tmp_path)
    del made["output.kafka"]["ssl"]  # Filebeat opens the files
    (tmp_path / "filebeat.yml").write_text(yaml.safe_dump(made))
    (tmp_path / "filebeat.yml").chmod(0o600)
    program = filebeat().get() / "filebeat"
    words = [program, "test", "config", "-c", str(tmp_path / "filebeat.yml"), "--path.home", str(tmp_path)]
    done = subprocess.run(words, env={**os.environ, "NODE_NAME": "n"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
