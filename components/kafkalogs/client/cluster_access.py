"""From a kubeconfig to Kafka: the platform's catalog and a client's certificate, read from Kubernetes.

Secrets stay in memory. Every failure is an AccessError whose text is one sentence with the remedy.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any, Literal, cast

from kafkalogs.client.settings import Catalog, Credentials
from kafkalogs.config import naming

CATALOG = "kafkalogs-catalog"
# Seconds to connect, and to wait for an answer.
_TIMEOUT = (5, 15)


class AccessError(Exception):
    """Kubernetes, or an object of the platform in it, cannot be read. The text of the error says what to do."""


def find_kubeconfig(given: str | None) -> Path:
    """The kubeconfig to use: the given one, else $KUBECONFIG, else this checkout's, else kubectl's default.

    The checkout's is ``$KAFKALOGS_STATE/kubeconfig``, by default ``.kafkalogs/kubeconfig``; `make up` writes it.
    """
    state = Path(os.environ.get("KAFKALOGS_STATE") or ".kafkalogs")
    named = given or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    candidates = [Path(named).expanduser()] if named else [state / "kubeconfig", Path.home() / ".kube" / "config"]
    for path in candidates:
        if path.is_file():
            return path
    raise AccessError(
        f"no kubeconfig at {' or '.join(map(str, candidates))}; "
        "run `make up` first, or name one by --kubeconfig or KUBECONFIG"
    )


class ClusterAccess:
    """The platform in one namespace of one Kubernetes cluster."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        # imported here because the import takes half a second, and not every command needs it
        from kubernetes import client, config

        self.kubeconfig = kubeconfig
        self.namespace = namespace
        # Any: most of the Kubernetes client is untyped.
        settings: Any = client.Configuration()
        settings.retries = 0
        try:
            cast(Any, config).load_kube_config(str(kubeconfig), client_configuration=settings)
        # The client raises many kinds of errors for a broken file, and their texts may contain secrets of the file.
        except Exception as error:
            raise AccessError(
                f"{kubeconfig} is not a usable kubeconfig ({type(error).__name__}); "
                f"look at it by `kubectl --kubeconfig {kubeconfig} config view`"
            ) from error
        self.server: str = settings.host
        self._settings = settings
        self.core: Any = self.client()

    def client(self) -> Any:
        """A new client of Kubernetes' core API, for calls that must not share a client with other threads."""
        from kubernetes import client

        return client.CoreV1Api(client.ApiClient(self._settings))

    def catalog(self) -> Catalog:
        """The published catalog. Raises AccessError, or CatalogError for a catalog that is not valid."""
        data = self._data("ConfigMap", CATALOG, "the platform is not deployed there: run `make up` or `pulumi up`")
        if "catalog.json" not in data:
            raise AccessError(f"ConfigMap {self.namespace}/{CATALOG} has no catalog.json; run `pulumi up` again")
        return Catalog.parse(data["catalog.json"])

    def credentials(self, cluster: str, user: str) -> Credentials:
        """The credentials with which a user connects to the Kafka cluster by mTLS."""
        # The ca.crt in a user's Secret is the clients' CA; the cluster CA verifies the brokers.
        ca = self.cluster_ca(cluster)
        data = self._data("Secret", user, f"wait until KafkaUser {user} is Ready, or use a user with a certificate")
        return Credentials(ca, self._pem(data, user, "user.crt"), self._pem(data, user, "user.key"))

    def cluster_ca(self, cluster: str) -> str:
        """The CA that signed the brokers' certificates, in PEM."""
        name = naming.cluster_ca_secret(cluster)
        return self._pem(self._data("Secret", name, f"wait until Kafka {cluster} is Ready"), name, "ca.crt")

    def _pem(self, data: dict[str, str], secret: str, key: str) -> str:
        if key not in data:
            raise AccessError(f"Secret {self.namespace}/{secret} has no {key}: it holds no client certificate (mTLS)")
        return base64.b64decode(data[key]).decode()

    def _data(self, kind: Literal["Secret", "ConfigMap"], name: str, remedy: str) -> dict[str, str]:
        read = self.core.read_namespaced_secret if kind == "Secret" else self.core.read_namespaced_config_map
        found = self.call(read, f"{kind} {self.namespace}/{name}", remedy, name, self.namespace)
        return cast(dict[str, str], found.data or {})

    def call(self, function: Any, what: str, remedy: str, *words: Any, **options: Any) -> Any:
        """Call a function of the Kubernetes client. Raises AccessError about ``what`` for every failure."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return function(*words, _request_timeout=_TIMEOUT, **options)
        except ApiException as error:
            status = cast(Any, error).status
            if status == 404:
                raise AccessError(f"{what} does not exist; {remedy}") from error
            if status == 401:
                raise AccessError(
                    f"Kubernetes does not know the user of {self.kubeconfig}: its credentials are wrong or have ended; "
                    "get new ones"
                ) from error
            if status == 403:
                raise AccessError(
                    f"Kubernetes does not show {what} to the user of {self.kubeconfig}; ask for permission to read it"
                ) from error
            raise AccessError(f"Kubernetes answers {status} {cast(Any, error).reason} for {what}") from error
        except HTTPError as error:
            raise AccessError(
                f"no answer from Kubernetes at {self.server} (named by {self.kubeconfig}): {_reason(error)}; "
                "is the cluster running?"
            ) from error


def _reason(error: BaseException) -> str:
    """The innermost cause in few words; urllib3 wraps the cause twice."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    return str(error).rsplit(": ", 1)[-1]
