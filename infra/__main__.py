"""The platform of a stack: what `pulumi up` runs."""

from pathlib import Path

import deletion
import machine
import pulumi
import registration
from demo_shop import Shop, ShopArgs, needed_image
from kafkalogs import LogPlatform, LogPlatformArgs, load, parts

JOB = Path(__file__).parents[1] / "jobs"

pulumi.runtime.register_stack_transformation(deletion.limit)

config = pulumi.Config("kafkalogs").require_object("platform")
stack = load(config)  # every problem of the stack file at once, before anything is registered
here = machine.read(config)
shop_image = needed_image(here.images.get("shop")) if stack.shop.enabled else ""
where, before = here.options(), list[pulumi.Resource]()
if stack.aws:
    # Here because loading AWS's resources takes seconds, and other stacks do not need them.
    import aws_services

    aws_services.check(stack, here.images)
    where = pulumi.ResourceOptions.merge(where, aws_services.options(stack, pulumi.get_stack()))
    before = aws_services.disks(stack, pulumi.get_stack(), where)
elif parts.parts(stack):
    # Here because loading it takes a tenth of a second, and a stack without parts does not need it.
    from local_services import check_images

    check_images(stack, here.images)

platform = LogPlatform(
    "kafkalogs",
    LogPlatformArgs(
        config=here.resolve(config),
        crds=here.crds,
        operator_image=here.images.get("operator"),
        kafka_image=here.images.get("kafka"),
    ),
    pulumi.ResourceOptions.merge(where, pulumi.ResourceOptions(depends_on=before)),
)
after = pulumi.ResourceOptions.merge(where, pulumi.ResourceOptions(depends_on=[platform]))

if parts.parts(stack):
    from kafkalogs import LogPipeline, LogPipelineArgs

    # They take as long as Kafka to start, and need nothing of it.
    beside = pulumi.ResourceOptions.merge(where, pulumi.ResourceOptions(depends_on=[platform.place]))
    if stack.aws:
        from aws_services import AwsServices, AwsServicesArgs

        services = AwsServices("services", AwsServicesArgs(platform, here.images, pulumi.get_stack()), beside)
    else:
        from local_services import LocalServices, LocalServicesArgs

        services = LocalServices("services", LocalServicesArgs(platform, here.images), beside)
    ready: list[pulumi.Resource] = [platform, services]
    if stack.stream and stack.stream.install_operator and platform.config.operator == "strimzi":
        from kafkalogs import FlinkOperator, FlinkOperatorArgs

        ready.append(FlinkOperator("flink", FlinkOperatorArgs(stack.namespace, keep_crds=stack.protect), after))
    job = "".join((JOB / name).read_text() for name in ("macros.sql", "tables.sql", "logs.sql"))
    then = pulumi.ResourceOptions.merge(where, pulumi.ResourceOptions(depends_on=ready))
    LogPipeline("pipeline", LogPipelineArgs(platform, here.images, services.endpoints, job), then)

if shop_image:
    Shop("shop", ShopArgs(platform, shop_image), after)

pulumi.export("namespace", platform.namespace)
pulumi.export("bootstrap", platform.bootstrap)
pulumi.export("externalBootstrap", platform.external_bootstrap)
pulumi.export("topics", platform.topic_count)
pulumi.export("catalog", platform.catalog_name)

registration.begin()
