"""The platform of a stack: what `pulumi up` runs."""

from pathlib import Path

import deletion
import machine
import places
import pulumi
import registration
import waiting
from demo_shop import Shop, ShopArgs, needed_image
from kafkalogs import LogPlatform, LogPlatformArgs, load, parts

JOB = Path(__file__).parents[1] / "jobs"
Options = pulumi.ResourceOptions

pulumi.runtime.register_stack_transformation(deletion.limit)

config = pulumi.Config("kafkalogs").require_object("platform")
stack = load(config)  # reports every problem of the stack file at once, before anything is registered
here = machine.read(config)
pulumi.runtime.register_stack_transformation(waiting.Reasons(here.kubeconfig).add)
shop_image = needed_image(here.images.get("shop")) if stack.shop.enabled else ""
where, before = places.prepare(stack, here.images, here.options())

platform = LogPlatform(
    "kafkalogs",
    LogPlatformArgs(
        config=here.resolve(config),
        crds=here.crds,
        operator_image=here.images.get("operator"),
        kafka_image=here.images.get("kafka"),
    ),
    Options.merge(where, Options(depends_on=before)),
)
after = Options.merge(where, Options(depends_on=[platform]))

if parts.switched_on(stack):
    from kafkalogs import LogPipeline, LogPipelineArgs

    # The services that the parts need start as slowly as Kafka, and do not need Kafka.
    beside = Options.merge(where, Options(depends_on=[platform.place]))
    endpoints, services = places.services(platform, here.images, beside)
    ready = Options(depends_on=[platform, services, *places.flink_operator(platform, after)])
    job = "".join((JOB / name).read_text() for name in ("macros.sql", "tables.sql", "logs.sql"))
    LogPipeline("pipeline", LogPipelineArgs(platform, here.images, endpoints, job), Options.merge(where, ready))

if shop_image:
    Shop("shop", ShopArgs(platform, shop_image), after)

pulumi.export("namespace", platform.namespace)
pulumi.export("bootstrap", platform.bootstrap)
pulumi.export("externalBootstrap", platform.external_bootstrap)
pulumi.export("topics", platform.topic_count)
pulumi.export("catalog", platform.catalog_name)

registration.begin()
