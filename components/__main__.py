"""The plugin host: serves the components to programs in any Pulumi language.

All but `LogPipeline`: it is given a `LogPlatform`, and a component reaches a plugin as its outputs only. Programs in
other languages put its parts together themselves. And the roles on AWS, whose arguments are inherited: the schema loses
the words of such.
"""

from typing import Final

import pulumi
from kafkalogs import (
    VERSION,
    ArchiveBucket,
    AwsSecrets,
    ConnectCluster,
    EncryptedStorageClass,
    FlinkJob,
    FlinkOperator,
    GlueCatalog,
    JdbcSink,
    KafkaCluster,
    LogPlatform,
    LogSchema,
    LogShipper,
    LogTopic,
    Monitoring,
    Pager,
    RawS3Sink,
    S3Sink,
    SchemaRegistry,
    SearchDomain,
    SearchSetup,
    SearchSink,
    ServiceIdentity,
    ServiceSecrets,
    StateBucket,
    StrimziCrds,
    StrimziOperator,
)
from pulumi.provider.experimental import component_provider_host

COMPONENTS: Final[list[type[pulumi.ComponentResource]]] = [
    LogPlatform,
    KafkaCluster,
    LogTopic,
    ServiceIdentity,
    ServiceSecrets,
    StrimziOperator,
    StrimziCrds,
    FlinkOperator,
    SchemaRegistry,
    LogSchema,
    ConnectCluster,
    S3Sink,
    RawS3Sink,
    SearchSink,
    SearchSetup,
    JdbcSink,
    FlinkJob,
    Pager,
    LogShipper,
    Monitoring,
    ArchiveBucket,
    StateBucket,
    GlueCatalog,
    SearchDomain,
    EncryptedStorageClass,
    AwsSecrets,
]

if __name__ == "__main__":
    component_provider_host(name="kafkalogs", components=COMPONENTS, version=VERSION)
