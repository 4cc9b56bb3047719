"""The plugin host: serves the components to programs in any Pulumi language."""

from kafkalogs import VERSION, KafkaCluster, LogPlatform, LogTopic, ServiceIdentity, StrimziCrds, StrimziOperator
from pulumi.provider.experimental import component_provider_host

if __name__ == "__main__":
    component_provider_host(
        name="kafkalogs",
        components=[LogPlatform, KafkaCluster, LogTopic, ServiceIdentity, StrimziOperator, StrimziCrds],
        version=VERSION,
    )
