"""kafkalogs: a log aggregation platform on Kubernetes as Pulumi components.

A name loads at its first use: programs that only produce or replay logs need neither Pulumi nor Kubernetes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

VERSION: Final = "0.1.0"

_MODULES: Final = {
    "ArchiveBucket": "aws.buckets",
    "ArchiveBucketArgs": "aws.buckets",
    "AwsSecrets": "aws.secrets",
    "AwsSecretsArgs": "aws.secrets",
    "ConfigError": "config.problems",
    "ConnectCluster": "sinks.connect",
    "ConnectClusterArgs": "sinks.connect",
    "ConnectRole": "aws.roles",
    "ConnectRoleArgs": "aws.roles",
    "EncryptedStorageClass": "aws.disks",
    "EncryptedStorageClassArgs": "aws.disks",
    "Endpoints": "kube.wiring",
    "FlinkJob": "stream.job",
    "FlinkJobArgs": "stream.args",
    "FlinkOperator": "stream.flink_operator",
    "FlinkOperatorArgs": "stream.flink_operator",
    "GlueCatalog": "aws.glue",
    "GlueCatalogArgs": "aws.glue",
    "JdbcSink": "sinks.connectors",
    "JdbcSinkArgs": "sinks.args",
    "KafkaCluster": "kafka.cluster",
    "KafkaClusterArgs": "kafka.cluster",
    "LogPipeline": "pipeline",
    "LogPipelineArgs": "pipeline",
    "LogPlatform": "platform",
    "LogPlatformArgs": "platform",
    "LogSchema": "schemas.registration",
    "LogSchemaArgs": "schemas.registration",
    "LogShipper": "shipper.daemon",
    "LogShipperArgs": "shipper.args",
    "LogTopic": "kafka.topic",
    "LogTopicArgs": "kafka.topic",
    "Monitoring": "monitoring.component",
    "MonitoringArgs": "monitoring.args",
    "NodePoolArgs": "kafka.cluster",
    "Pager": "pager.component",
    "PagerArgs": "pager.component",
    "RawS3Sink": "sinks.connectors",
    "RawS3SinkArgs": "sinks.args",
    "S3Sink": "sinks.connectors",
    "S3SinkArgs": "sinks.args",
    "SchemaRegistry": "schemas.registry",
    "SchemaRegistryArgs": "schemas.registry",
    "SearchDomain": "aws.search",
    "SearchDomainArgs": "aws.search",
    "SearchSetup": "sinks.search_setup",
    "SearchSetupArgs": "sinks.search_setup",
    "SearchSink": "sinks.connectors",
    "SearchSinkArgs": "sinks.args",
    "SecretsRole": "aws.roles",
    "SecretsRoleArgs": "aws.roles",
    "ServiceIdentity": "kafka.identity",
    "ServiceIdentityArgs": "kafka.identity",
    "ServiceSecrets": "kube.service_secrets",
    "ServiceSecretsArgs": "kube.service_secrets",
    "StateBucket": "aws.buckets",
    "StateBucketArgs": "aws.buckets",
    "StreamRole": "aws.roles",
    "StreamRoleArgs": "aws.roles",
    "StrimziCrds": "kube.crds",
    "StrimziCrdsArgs": "kube.crds",
    "StrimziOperator": "kafka.operator",
    "StrimziOperatorArgs": "kafka.operator",
    "load": "checks.loading",
}

if TYPE_CHECKING:
    from .aws.buckets import ArchiveBucket as ArchiveBucket
    from .aws.buckets import ArchiveBucketArgs as ArchiveBucketArgs
    from .aws.buckets import StateBucket as StateBucket
    from .aws.buckets import StateBucketArgs as StateBucketArgs
    from .aws.disks import EncryptedStorageClass as EncryptedStorageClass
    from .aws.disks import EncryptedStorageClassArgs as EncryptedStorageClassArgs
    from .aws.glue import GlueCatalog as GlueCatalog
    from .aws.glue import GlueCatalogArgs as GlueCatalogArgs
    from .aws.roles import ConnectRole as ConnectRole
    from .aws.roles import ConnectRoleArgs as ConnectRoleArgs
    from .aws.roles import SecretsRole as SecretsRole
    from .aws.roles import SecretsRoleArgs as SecretsRoleArgs
    from .aws.roles import StreamRole as StreamRole
    from .aws.roles import StreamRoleArgs as StreamRoleArgs
    from .aws.search import SearchDomain as SearchDomain
    from .aws.search import SearchDomainArgs as SearchDomainArgs
    from .aws.secrets import AwsSecrets as AwsSecrets
    from .aws.secrets import AwsSecretsArgs as AwsSecretsArgs
    from .checks.loading import load as load
    from .config.problems import ConfigError as ConfigError
    from .kafka.cluster import KafkaCluster as KafkaCluster
    from .kafka.cluster import KafkaClusterArgs as KafkaClusterArgs
    from .kafka.cluster import NodePoolArgs as NodePoolArgs
    from .kafka.identity import ServiceIdentity as ServiceIdentity
    from .kafka.identity import ServiceIdentityArgs as ServiceIdentityArgs
    from .kafka.operator import StrimziOperator as StrimziOperator
    from .kafka.operator import StrimziOperatorArgs as StrimziOperatorArgs
    from .kafka.topic import LogTopic as LogTopic
    from .kafka.topic import LogTopicArgs as LogTopicArgs
    from .kube.crds import StrimziCrds as StrimziCrds
    from .kube.crds import StrimziCrdsArgs as StrimziCrdsArgs
    from .kube.service_secrets import ServiceSecrets as ServiceSecrets
    from .kube.service_secrets import ServiceSecretsArgs as ServiceSecretsArgs
    from .monitoring.args import MonitoringArgs as MonitoringArgs
    from .monitoring.component import Monitoring as Monitoring
    from .pager.component import Pager as Pager
    from .pager.component import PagerArgs as PagerArgs
    from .pipeline import LogPipeline as LogPipeline
    from .pipeline import LogPipelineArgs as LogPipelineArgs
    from .platform import LogPlatform as LogPlatform
    from .platform import LogPlatformArgs as LogPlatformArgs
    from .schemas.registration import LogSchema as LogSchema
    from .schemas.registration import LogSchemaArgs as LogSchemaArgs
    from .schemas.registry import SchemaRegistry as SchemaRegistry
    from .schemas.registry import SchemaRegistryArgs as SchemaRegistryArgs
    from .shipper.args import LogShipperArgs as LogShipperArgs
    from .shipper.daemon import LogShipper as LogShipper
    from .sinks.args import JdbcSinkArgs as JdbcSinkArgs
    from .sinks.args import RawS3SinkArgs as RawS3SinkArgs
    from .sinks.args import S3SinkArgs as S3SinkArgs
    from .sinks.args import SearchSinkArgs as SearchSinkArgs
    from .sinks.connect import ConnectCluster as ConnectCluster
    from .sinks.connect import ConnectClusterArgs as ConnectClusterArgs
    from .sinks.connectors import JdbcSink as JdbcSink
    from .sinks.connectors import RawS3Sink as RawS3Sink
    from .sinks.connectors import S3Sink as S3Sink
    from .sinks.connectors import SearchSink as SearchSink
    from .sinks.search_setup import SearchSetup as SearchSetup
    from .sinks.search_setup import SearchSetupArgs as SearchSetupArgs
    from .stream.args import FlinkJobArgs as FlinkJobArgs
    from .stream.flink_operator import FlinkOperator as FlinkOperator
    from .stream.flink_operator import FlinkOperatorArgs as FlinkOperatorArgs
    from .stream.job import FlinkJob as FlinkJob
else:
    __all__ = ["VERSION", *_MODULES]


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
