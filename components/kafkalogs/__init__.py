"""kafkalogs: a log aggregation platform on Kubernetes as Pulumi components.

The names load when they are first used: programs that only produce or replay logs need neither Pulumi nor Kubernetes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .cluster import KafkaCluster, KafkaClusterArgs, NodePoolArgs
    from .crds import StrimziCrds, StrimziCrdsArgs
    from .identity import ServiceIdentity, ServiceIdentityArgs
    from .loading import load
    from .operator import StrimziOperator, StrimziOperatorArgs
    from .platform import LogPlatform, LogPlatformArgs
    from .problems import ConfigError
    from .topic import LogTopic, LogTopicArgs

VERSION: Final = "0.1.0"

_MODULES: Final = {
    "ConfigError": "problems",
    "KafkaCluster": "cluster",
    "KafkaClusterArgs": "cluster",
    "LogPlatform": "platform",
    "LogPlatformArgs": "platform",
    "LogTopic": "topic",
    "LogTopicArgs": "topic",
    "NodePoolArgs": "cluster",
    "ServiceIdentity": "identity",
    "ServiceIdentityArgs": "identity",
    "StrimziCrds": "crds",
    "StrimziCrdsArgs": "crds",
    "StrimziOperator": "operator",
    "StrimziOperatorArgs": "operator",
    "load": "loading",
}

__all__ = [
    "VERSION",
    "ConfigError",
    "KafkaCluster",
    "KafkaClusterArgs",
    "LogPlatform",
    "LogPlatformArgs",
    "LogTopic",
    "LogTopicArgs",
    "NodePoolArgs",
    "ServiceIdentity",
    "ServiceIdentityArgs",
    "StrimziCrds",
    "StrimziCrdsArgs",
    "StrimziOperator",
    "StrimziOperatorArgs",
    "load",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
