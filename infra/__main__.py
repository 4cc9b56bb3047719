"""The platform of a stack: what `pulumi up` runs."""

import machine
import pulumi
import registration
from demo_shop import Shop, ShopArgs, needed_image
from kafkalogs import LogPlatform, LogPlatformArgs, load

config = pulumi.Config("kafkalogs").require_object("platform")
stack = load(config)  # every problem of the stack file at once, before anything is registered
here = machine.read(config)
shop_image = needed_image(here.images.get("shop")) if stack.shop.enabled else ""
where = here.options()

platform = LogPlatform(
    "kafkalogs",
    LogPlatformArgs(
        config=here.resolve(config),
        crds=here.crds,
        operator_image=here.images.get("operator"),
        kafka_image=here.images.get("kafka"),
    ),
    where,
)

if shop_image:
    after = pulumi.ResourceOptions.merge(where, pulumi.ResourceOptions(depends_on=[platform]))
    Shop("shop", ShopArgs(platform, shop_image), after)

pulumi.export("namespace", platform.namespace)
pulumi.export("bootstrap", platform.bootstrap)
pulumi.export("externalBootstrap", platform.external_bootstrap)
pulumi.export("topics", platform.topic_count)
pulumi.export("catalog", platform.catalog_name)

registration.begin()
