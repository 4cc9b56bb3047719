"""kafkalogs: a log aggregation platform on Kubernetes as Pulumi components.

The names load when they are first used: programs that only produce or replay logs need neither Pulumi nor Kubernetes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .aws.buckets import ArchiveBucket, ArchiveBucketArgs, StateBucket, StateBucketArgs
    from .aws.disks import EncryptedStorageClass, EncryptedStorageClassArgs
    from .aws.glue import GlueCatalog, GlueCatalogArgs
    from .aws.roles import ConnectRole, ConnectRoleArgs, SecretsRole, SecretsRoleArgs, StreamRole, StreamRoleArgs
    from .aws.search import SearchDomain, SearchDomainArgs
    from .aws.secrets import AwsSecrets, AwsSecretsArgs
    from .cluster import KafkaCluster, KafkaClusterArgs, NodePoolArgs
    from .connect import ConnectCluster, ConnectClusterArgs
    from .crds import StrimziCrds, StrimziCrdsArgs
    from .flink_operator import FlinkOperator, FlinkOperatorArgs
    from .identity import ServiceIdentity, ServiceIdentityArgs
    from .loading import load
    from .monitoring import Monitoring, MonitoringArgs
    from .operator import StrimziOperator, StrimziOperatorArgs
    from .pager import Pager, PagerArgs
    from .pipeline import Endpoints, LogPipeline, LogPipelineArgs
    from .platform import LogPlatform, LogPlatformArgs
    from .problems import ConfigError
    from .schemas import LogSchema, LogSchemaArgs, SchemaRegistry, SchemaRegistryArgs
    from .search_setup import SearchSetup, SearchSetupArgs
    from .service_secrets import ServiceSecrets, ServiceSecretsArgs
    from .shipper import LogShipper, LogShipperArgs
    from .sinks import (
        JdbcSink,
        JdbcSinkArgs,
        RawS3Sink,
        RawS3SinkArgs,
        S3Sink,
        S3SinkArgs,
        SearchSink,
        SearchSinkArgs,
    )
    from .stream import FlinkJob, FlinkJobArgs
    from .topic import LogTopic, LogTopicArgs

VERSION: Final = "0.1.0"

_MODULES: Final = {
    "ArchiveBucket": "aws.buckets",
    "ArchiveBucketArgs": "aws.buckets",
    "AwsSecrets": "aws.secrets",
    "AwsSecretsArgs": "aws.secrets",
    "ConfigError": "problems",
    "ConnectCluster": "connect",
    "ConnectClusterArgs": "connect",
    "ConnectRole": "aws.roles",
    "ConnectRoleArgs": "aws.roles",
    "EncryptedStorageClass": "aws.disks",
    "EncryptedStorageClassArgs": "aws.disks",
    "Endpoints": "pipeline",
    "FlinkJob": "stream",
    "FlinkJobArgs": "stream",
    "FlinkOperator": "flink_operator",
    "FlinkOperatorArgs": "flink_operator",
    "GlueCatalog": "aws.glue",
    "GlueCatalogArgs": "aws.glue",
    "JdbcSink": "sinks",
    "JdbcSinkArgs": "sinks",
    "KafkaCluster": "cluster",
    "KafkaClusterArgs": "cluster",
    "LogPipeline": "pipeline",
    "LogPipelineArgs": "pipeline",
    "LogPlatform": "platform",
    "LogPlatformArgs": "platform",
    "LogSchema": "schemas",
    "LogSchemaArgs": "schemas",
    "LogShipper": "shipper",
    "LogShipperArgs": "shipper",
    "LogTopic": "topic",
    "LogTopicArgs": "topic",
    "Monitoring": "monitoring",
    "MonitoringArgs": "monitoring",
    "NodePoolArgs": "cluster",
    "Pager": "pager",
    "PagerArgs": "pager",
    "RawS3Sink": "sinks",
    "RawS3SinkArgs": "sinks",
    "S3Sink": "sinks",
    "S3SinkArgs": "sinks",
    "SchemaRegistry": "schemas",
    "SchemaRegistryArgs": "schemas",
    "SearchDomain": "aws.search",
    "SearchDomainArgs": "aws.search",
    "SearchSetup": "search_setup",
    "SearchSetupArgs": "search_setup",
    "SearchSink": "sinks",
    "SearchSinkArgs": "sinks",
    "SecretsRole": "aws.roles",
    "SecretsRoleArgs": "aws.roles",
    "ServiceIdentity": "identity",
    "ServiceIdentityArgs": "identity",
    "ServiceSecrets": "service_secrets",
    "ServiceSecretsArgs": "service_secrets",
    "StateBucket": "aws.buckets",
    "StateBucketArgs": "aws.buckets",
    "StreamRole": "aws.roles",
    "StreamRoleArgs": "aws.roles",
    "StrimziCrds": "crds",
    "StrimziCrdsArgs": "crds",
    "StrimziOperator": "operator",
    "StrimziOperatorArgs": "operator",
    "load": "loading",
}

__all__ = [
    "VERSION",
    "ArchiveBucket",
    "ArchiveBucketArgs",
    "AwsSecrets",
    "AwsSecretsArgs",
    "ConfigError",
    "ConnectCluster",
    "ConnectClusterArgs",
    "ConnectRole",
    "ConnectRoleArgs",
    "EncryptedStorageClass",
    "EncryptedStorageClassArgs",
    "Endpoints",
    "FlinkJob",
    "FlinkJobArgs",
    "FlinkOperator",
    "FlinkOperatorArgs",
    "GlueCatalog",
    "GlueCatalogArgs",
    "JdbcSink",
    "JdbcSinkArgs",
    "KafkaCluster",
    "KafkaClusterArgs",
    "LogPipeline",
    "LogPipelineArgs",
    "LogPlatform",
    "LogPlatformArgs",
    "LogSchema",
    "LogSchemaArgs",
    "LogShipper",
    "LogShipperArgs",
    "LogTopic",
    "LogTopicArgs",
    "Monitoring",
    "MonitoringArgs",
    "NodePoolArgs",
    "Pager",
    "PagerArgs",
    "RawS3Sink",
    "RawS3SinkArgs",
    "S3Sink",
    "S3SinkArgs",
    "SchemaRegistry",
    "SchemaRegistryArgs",
    "SearchDomain",
    "SearchDomainArgs",
    "SearchSetup",
    "SearchSetupArgs",
    "SearchSink",
    "SearchSinkArgs",
    "SecretsRole",
    "SecretsRoleArgs",
    "ServiceIdentity",
    "ServiceIdentityArgs",
    "ServiceSecrets",
    "ServiceSecretsArgs",
    "StateBucket",
    "StateBucketArgs",
    "StreamRole",
    "StreamRoleArgs",
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
