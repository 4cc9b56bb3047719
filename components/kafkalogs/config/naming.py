"""Names: what Kafka and Kubernetes accept, and which names follow from which.

Kafka's rules for topics are those of `org.apache.kafka.common.internals.Topic`; Kubernetes' are RFC 1123 labels and
subdomains. A `KafkaUser`'s name is also the common name of its certificate, which X.509 limits to 64 characters.
"""

import re
from typing import Final

TLS_PORT: Final = 9093
"""The port at which clients in Kubernetes connect with a certificate."""

SCRAM_PORT: Final = 9094
"""The port at which clients in Kubernetes connect with a password."""

EXTERNAL_PORT: Final = 9095
"""The port of the listener for clients outside Kubernetes, behind the node ports."""

LOGS_PREFIX: Final = "logs."
"""The prefix of the names of all topics of log events. Readers have rights on this prefix."""

DEAD_LETTER_PREFIX: Final = "dlq."
"""The prefix of the names of all dead-letter topics."""

CATALOG_CONFIG_MAP: Final = "kafkalogs-catalog"
CA_SECRET: Final = "platform-ca"  # noqa: S105 - a name
"""The Secret with the `ca.crt` that verifies the platform's services."""

CA_KEY_SECRET: Final = "platform-ca-key"  # noqa: S105 - a name
"""The Secret with the certificate authority's key; only the Job uses it."""

TEAM_PREFIX: Final = "team-"

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_LABEL_LENGTH: Final = 63
_TOPIC_LENGTH: Final = 249


def label_problem(name: str, longest: int = _LABEL_LENGTH) -> str | None:
    """What Kubernetes would refuse in `name`, with the remedy; None for a label of at most `longest` characters."""
    if len(name) > longest:
        return f"{len(name)} characters long; use at most {longest}"
    if not _LABEL.fullmatch(name):
        return "not a name Kubernetes takes; use a-z, 0-9 and -, with a letter or digit at both ends"
    return None


def service_problem(name: str, cluster: str) -> str | None:
    """What is wrong with the name of a service of the Kafka cluster `cluster`; None if nothing."""
    if name.startswith(TEAM_PREFIX):
        return f"names that begin with {TEAM_PREFIX} are the identities of teams; choose another name"
    if name.startswith(f"{cluster}-"):
        return f"names that begin with {cluster}- are the Kafka cluster's own Secrets and pods; choose another name"
    return label_problem(name)


def team_problem(name: str) -> str | None:
    """What is wrong with the name of a team; None if nothing."""
    return label_problem(name, _LABEL_LENGTH - len(TEAM_PREFIX))


def topic_problem(name: str) -> str | None:
    """What Kafka would refuse in a topic's name, with the remedy; None if nothing."""
    if len(name) > _TOPIC_LENGTH:
        return f"{len(name)} characters long; Kafka takes topic names of at most {_TOPIC_LENGTH}"
    if not _TOPIC.fullmatch(name) or name in {".", ".."}:
        return "not a topic name Kafka takes; use letters, digits, '.', '_' and '-'"
    if name.startswith("__"):
        return "names that begin with __ are Kafka's own topics; choose another name"
    return None


def metric_name(topic: str) -> str:
    """The topic's name in Kafka's metrics, where '.' and '_' are the same. It must be unique."""
    return topic.replace(".", "_")


def resource_name(topic: str) -> str:
    """The name of the KafkaTopic resource of `topic`: the topic's name if Kubernetes accepts it."""
    return re.sub(r"[^a-z0-9]*\.[^a-z0-9]*", ".", re.sub(r"[^a-z0-9.]", "-", topic.lower())).strip("-.") or "topic"


def team_user(team: str) -> str:
    """The KafkaUser of a team."""
    return f"{TEAM_PREFIX}{team}"


def group_prefix(team: str) -> str:
    """The prefix of the names of a team's consumer groups."""
    return f"{team}."


def dead_letter_name(reader: str) -> str:
    """The topic of the records that a part (a sink, the stream job, the pager) could not process."""
    return f"{DEAD_LETTER_PREFIX}{reader}"


def cluster_ca_secret(cluster: str) -> str:
    """The Secret in which Strimzi publishes the CA that signs the brokers' certificates."""
    return f"{cluster}-cluster-ca-cert"


def bootstrap_service(cluster: str) -> str:
    """The Service of the cluster's listeners, as Strimzi names it."""
    return f"{cluster}-kafka-bootstrap"


def bootstrap(cluster: str, namespace: str, port: int = TLS_PORT) -> str:
    """The address of a listener of the cluster within Kubernetes."""
    return f"{bootstrap_service(cluster)}.{namespace}.svc:{port}"
