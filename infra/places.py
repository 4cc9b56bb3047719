"""The services that the platform's parts need: on AWS, or on this machine.

The functions import their modules: the import of AWS's modules takes seconds, and a stack without parts needs none.
"""

from collections.abc import Mapping

import pulumi
from kafkalogs import Endpoints, LogPlatform, parts
from kafkalogs.config.models import Platform


def prepare(
    stack: Platform, images: Mapping[str, str], where: pulumi.ResourceOptions
) -> tuple[pulumi.ResourceOptions, list[pulumi.Resource]]:
    """Check that nothing is missing, before anything is registered. Returns the options of all resources, and the
    resources that must exist before the platform."""
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
    """The addresses of the services that the parts of a platform need, and the resource that makes these services."""
    if platform.config.aws:
        from aws_services import AwsServices, AwsServicesArgs

        made = AwsServices("services", AwsServicesArgs(platform, images, pulumi.get_stack()), opts)
        return made.endpoints, made
    from local_services import LocalServices, LocalServicesArgs

    here = LocalServices("services", LocalServicesArgs(platform, images), opts)
    return here.endpoints, here


def flink_operator(platform: LogPlatform, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Flink's operator, if the stream job needs it; the embedded operator needs none to run Flink."""
    stack = platform.config
    if not stack.stream or not stack.stream.install_operator or stack.operator != "strimzi":
        return []
    from kafkalogs import FlinkOperator, FlinkOperatorArgs

    return [FlinkOperator("flink", FlinkOperatorArgs(stack.namespace, keep_crds=stack.protect), opts)]
