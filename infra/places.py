"""Where the platform's parts find what they rely on: on AWS, or on this machine.

The modules load here and not at the top: AWS's take seconds, and a stack without parts needs none of them.
"""

from collections.abc import Mapping

import pulumi
from kafkalogs import Endpoints, LogPlatform, parts
from kafkalogs.config.models import Platform


def prepare(
    stack: Platform, images: Mapping[str, str], where: pulumi.ResourceOptions
) -> tuple[pulumi.ResourceOptions, list[pulumi.Resource]]:
    """Check that nothing is missing, before anything is registered. Returns where resources go, and what the platform
    waits for."""
    if stack.aws:
        import aws_services

        aws_services.check(stack, images)
        where = pulumi.ResourceOptions.merge(where, aws_services.options(stack, pulumi.get_stack()))
        return where, aws_services.disks(stack, pulumi.get_stack(), where)
    if parts.switched_on(stack):
        import local_services

        local_services.check_images(stack, images)
    return where, []


def services(
    platform: LogPlatform, images: Mapping[str, str], opts: pulumi.ResourceOptions
) -> tuple[Endpoints, pulumi.Resource]:
    """The places that the parts of a platform rely on, and the resource that makes them."""
    if platform.config.aws:
        from aws_services import AwsServices, AwsServicesArgs

        made = AwsServices("services", AwsServicesArgs(platform, images, pulumi.get_stack()), opts)
        return made.endpoints, made
    from local_services import LocalServices, LocalServicesArgs

    here = LocalServices("services", LocalServicesArgs(platform, images), opts)
    return here.endpoints, here


def flink_operator(platform: LogPlatform, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Flink's operator, where the stream job needs one: the embedded operator runs Flink itself."""
    stack = platform.config
    if not stack.stream or not stack.stream.install_operator or stack.operator != "strimzi":
        return []
    from kafkalogs import FlinkOperator, FlinkOperatorArgs

    return [FlinkOperator("flink", FlinkOperatorArgs(stack.namespace, keep_crds=stack.protect), opts)]
