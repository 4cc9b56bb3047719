"""The way into the cluster: what is asked arrives over verified TLS, and what goes wrong is said in one sentence."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes.stream
import pytest
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.reach import Login, OutsideError, Reach, UnansweredError, inside, place

from tests.support.tls import server_context, write_certificates

ANSWERS = {"/json?a=b": (200, '{"fine": true}'), "/text": (200, "no"), "/secret": (403, "not you")}


class Handler(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, str | None, bytes]]

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
        status, text = ANSWERS.get(self.path, (404, "?"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, Path, Path]:
    return write_certificates(tmp_path)


@pytest.fixture
def server(authority: tuple[Path, Path, Path]) -> Iterator[ThreadingHTTPServer]:
    """An HTTPS server on localhost, whose certificate is of an authority of its own."""
    Handler.asked = []
    with ThreadingHTTPServer(("localhost", 0), Handler) as serving:
        serving.handle_error = lambda request, client_address: None
        serving.socket = server_context(authority[1], authority[2]).wrap_socket(serving.socket, server_side=True)
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def access(**core: Callable[..., Any]) -> Any:
    """Kubernetes, with these functions of its core API."""
    return SimpleNamespace(
        namespace="kafkalogs",
        core=SimpleNamespace(**core),
        client=lambda: SimpleNamespace(**core),
        call=lambda function, what, remedy, *words, **options: function(*words, **options),
    )


def encoded(**values: str) -> Any:
    return SimpleNamespace(data={key: base64.b64encode(value.encode()).decode() for key, value in values.items()})


def pod(name: str, *, ready: bool) -> Any:
    condition = SimpleNamespace(type="Ready", status="True" if ready else "False")
    port = SimpleNamespace(name="https", container_port=0)
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name, deletion_timestamp=None),
        status=SimpleNamespace(conditions=[condition]),
        spec=SimpleNamespace(containers=[SimpleNamespace(ports=[port])]),
    )


def cluster(monkeypatch: pytest.MonkeyPatch, leads_to: int, pods: list[Any]) -> tuple[Any, list[Any]]:
    """Kubernetes with a Service whose port 8443 leads to one of this machine; and the forwards that were asked for."""
    asked: list[Any] = []
    service = SimpleNamespace(
        metadata=SimpleNamespace(name="localhost"),
        spec=SimpleNamespace(selector={"app": "it"}, ports=[SimpleNamespace(port=8443, target_port="https")]),
    )
    for one in pods:
        one.spec.containers[0].ports[0].container_port = leads_to

    def portforward(function: Any, name: str, namespace: str, *, ports: str) -> Any:
        asked.append((name, namespace, ports))
        return SimpleNamespace(socket=lambda port: socket.create_connection(("localhost", port)))

    monkeypatch.setattr(kubernetes.stream, "portforward", portforward)
    made = access(
        read_namespaced_service=lambda name, namespace: service,
        list_namespaced_pod=lambda namespace, label_selector: SimpleNamespace(items=pods),
        connect_get_namespaced_pod_portforward=None,
    )
    return made, asked


def test_only_a_services_name_is_inside():
    assert inside("https://search.kafkalogs.svc:9200/x")
    assert inside("postgresql://postgres.kafkalogs.svc")
    assert not inside("https://search.example.com")
    assert not inside("https://svc.example.svc.com")
    assert place("https://search.example.com/x") == ("search.example.com", 443)


def test_an_answer_over_verified_tls(server: ThreadingHTTPServer, authority: tuple[Path, Path, Path]):
    reach, url = Reach(access()), f"https://localhost:{server.server_port}"
    trust = ssl.create_default_context(cafile=authority[0])
    assert reach.ask(f"{url}/json?a=b", trust, Login("me", "x:y")) == {"fine": True}
    reach.ask(f"{url}/json?a=b", trust, Login("", "token"), {"size": 1})
    basic = "Basic " + base64.b64encode(b"me:x:y").decode()
    assert Handler.asked == [
        ("GET", "/json?a=b", basic, b""),
        ("POST", "/json?a=b", "Bearer token", json.dumps({"size": 1}).encode()),
    ]


def test_a_certificate_of_another_authority_is_refused(server: ThreadingHTTPServer):
    with pytest.raises(UnansweredError, match="certificate verify failed"):
        Reach(access()).ask(f"https://localhost:{server.server_port}/json?a=b", ssl.create_default_context())
    assert not Handler.asked


@pytest.mark.parametrize(
    ("path", "says"), [("/text", "answers no JSON: no"), ("/secret", "answers 403: not you"), ("/none", "answers 404")]
)
def test_what_is_no_answer_says_why(
    server: ThreadingHTTPServer, authority: tuple[Path, Path, Path], path: str, says: str
):
    trust = ssl.create_default_context(cafile=authority[0])
    with pytest.raises(OutsideError, match=says) as raised:
        Reach(access()).ask(f"https://localhost:{server.server_port}{path}", trust, Login("me", "hidden"))
    assert "hidden" not in str(raised.value)


def test_nobody_listens():
    with socket.create_server(("localhost", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(OutsideError, match=f"no connection to localhost:{port}"):
        Reach(access()).ask(f"http://localhost:{port}/")


def test_a_service_is_reached_through_a_pod_that_is_ready(
    monkeypatch: pytest.MonkeyPatch, server: ThreadingHTTPServer, authority: tuple[Path, Path, Path]
):
    pods = [pod("broken", ready=False), pod("works", ready=True)]
    made, asked = cluster(monkeypatch, server.server_port, pods)
    trust = ssl.create_default_context(cafile=authority[0])
    # the certificate is for localhost: it is the asked name that must be in it, not the pod's
    trust.check_hostname = False
    assert Reach(made).ask("https://localhost.kafkalogs.svc:8443/json?a=b", trust) == {"fine": True}
    assert asked == [("works", "kafkalogs", str(server.server_port))]
    trust.check_hostname = True
    with pytest.raises(UnansweredError, match=r"localhost\.kafkalogs\.svc"):
        Reach(made).ask("https://localhost.kafkalogs.svc:8443/json?a=b", trust)


def test_no_pod_is_ready(monkeypatch: pytest.MonkeyPatch):
    made, _ = cluster(monkeypatch, 1, [pod("broken", ready=False)])
    with pytest.raises(UnansweredError, match="none of 1 is ready") as raised:
        Reach(made).ask("https://localhost.kafkalogs.svc:8443/")
    assert not isinstance(raised.value, OutsideError)


def test_a_pod_that_goes_meanwhile_may_be_asked_again(monkeypatch: pytest.MonkeyPatch):
    made, _ = cluster(monkeypatch, 1, [pod("works", ready=True)])

    def gone(*words: Any, **options: Any) -> Any:
        raise AccessError("Kubernetes answers 404")

    monkeypatch.setattr(kubernetes.stream, "portforward", gone)
    with pytest.raises(UnansweredError, match="answers 404"):
        Reach(made).ask("https://localhost.kafkalogs.svc:8443/")


def test_a_port_of_this_machine_leads_there(server: ThreadingHTTPServer, authority: tuple[Path, Path, Path]):
    trust, url = ssl.create_default_context(cafile=authority[0]), f"https://localhost:{server.server_port}"
    reach = Reach(access())
    with reach.listening(url, trust) as port:
        for _ in range(3):
            with urllib.request.urlopen(f"http://localhost:{port}/json?a=b", timeout=10) as answer:
                assert json.load(answer) == {"fine": True}
    # without trust it passes on what it is given
    with reach.listening(url) as port, _opened(f"https://localhost:{port}/json?a=b", trust) as answer:
        assert json.load(answer) == {"fine": True}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("localhost", port), timeout=5)


@contextmanager
def _opened(url: str, trust: ssl.SSLContext) -> Iterator[Any]:
    with urllib.request.urlopen(url, timeout=10, context=trust) as answer:
        yield answer


def test_passwords_come_from_secrets_and_are_not_shown():
    reach = Reach(access(read_namespaced_secret=lambda name, namespace: encoded(username="me", password="hidden")))
    login = reach.login("search-reader-credentials")
    assert (login.user, login.password) == ("me", "hidden")
    assert "hidden" not in repr(login)
    with pytest.raises(AccessError, match="has no password"):
        Reach(access(read_namespaced_secret=lambda name, namespace: encoded(username="me"))).login("half")
