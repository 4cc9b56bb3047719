"""`SearchDomain`: OpenSearch Service, encrypted, in several zones, with users; reached only from its VPC, over TLS.

The administrator's password is the only secret that passes through Pulumi: the domain's API accepts no reference to a
secret. docs/aws.md gives the consequences.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws import cloudwatch, opensearch

from ..config import units
from ..config.problems import ConfigError, Problem
from ..kube.resources import typed
from . import names
from .keys import AwsPlace, KeyUse, encryption_key
from .policies import log_key_statement, search_access_policy, search_log_policy

VERSION: Final = "OpenSearch_2.19"
TLS_POLICY: Final = "Policy-Min-TLS-1-2-PFS-2023-10"
"""TLS 1.2 and 1.3, both with forward secrecy: a stolen key does not decrypt earlier traffic."""

LOGS: Final = {
    "INDEX_SLOW_LOGS": 90,
    "SEARCH_SLOW_LOGS": 90,
    "ES_APPLICATION_LOGS": 90,
    "AUDIT_LOGS": 400,
}
"""The logs that the domain writes to CloudWatch, and for how many days each is kept."""

MASTERS: Final = 3


@dataclass(frozen=True, kw_only=True)
class SearchDomainArgs:
    """The arguments of a `SearchDomain`."""

    region: str
    """The region of the domain."""

    account: str
    """The number of the account."""

    domain: str
    """The name of the domain: 3 to 28 of a-z, 0-9 and -, a letter first."""

    subnets: Sequence[str]
    """The subnets of its nodes, one in each zone."""

    security_groups: Sequence[str]
    """Members of these groups reach the domain at port 443."""

    admin_name: pulumi.Input[str]
    """The name of the domain's administrator."""

    admin_password: pulumi.Input[str]
    """The administrator's first password, a secret in Pulumi's state. Change the password at the domain."""

    instance_type: str = "r7g.large.search"
    """The instance type of each data node."""

    instances: int = 3
    """The number of data nodes; a multiple of the zones."""

    volume: int = 100 * units.GIB
    """The disk of each data node; bytes."""

    zones: int = 3
    """The number of zones with data nodes; 2 or 3, or 1 if the domain may fail together with its zone."""

    master_type: str = "m7g.large.search"
    """The instance type of the three dedicated master nodes, which hold no data."""

    version: str = VERSION
    """The version of OpenSearch."""

    key_admins: Sequence[str] = ()
    """ARNs of principals that administer the key besides the account."""

    protect: bool = True
    """Whether Pulumi refuses to delete the domain and the key."""


def problems(args: SearchDomainArgs) -> list[Problem]:
    """Settings that AWS would refuse, but only after a quarter of an hour."""
    found: list[Problem] = []
    if len(args.subnets) != args.zones:
        text = (
            f"{args.zones} zones need {args.zones} subnets, one in each zone; "
            f"name {args.zones} subnets, or write zones: {len(args.subnets)}"
        )
        found.append(Problem(("aws", "search", "subnets"), list(args.subnets), text))
    if args.instances % args.zones:
        fitting = (args.instances // args.zones + 1) * args.zones
        text = f"not a multiple of {args.zones} (the zones), so one zone would have fewer nodes; write {fitting}"
        found.append(Problem(("aws", "search", "instances"), args.instances, text))
    return found


def log_group(domain: str, kind: str) -> str:
    """The log group for one of `LOGS`."""
    return f"/aws/opensearch/{domain}/{kind.lower().replace('_', '-')}"


def cluster_config(instance_type: str, instances: int, zones: int, master_type: str) -> dict[str, Any]:
    """The nodes. Masters are dedicated: a node that also serves data can be too busy to be the master."""
    return {
        "instance_type": instance_type,
        "instance_count": instances,
        "dedicated_master_enabled": True,
        "dedicated_master_type": master_type,
        "dedicated_master_count": MASTERS,
        "zone_awareness_enabled": zones > 1,
        **({"zone_awareness_config": {"availability_zone_count": zones}} if zones > 1 else {}),
    }


class SearchDomain(pulumi.ComponentResource):
    """An OpenSearch Service domain with its key and its logs."""

    url: pulumi.Output[str]
    """The address of the domain; AWS chooses it when it makes the domain."""

    domain: pulumi.Output[str]
    """The name of the domain."""

    def __init__(self, name: str, args: SearchDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SearchDomainArgs, args)
        if found := problems(args):
            raise ConfigError(found)
        super().__init__("kafkalogs:index:SearchDomain", name, {}, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        groups = {kind: log_group(args.domain, kind) for kind in LOGS}
        place = AwsPlace(args.region, args.account)
        of_logs = log_key_statement(args.region, args.account, f"/aws/opensearch/{args.domain}/")
        use = KeyUse(f"{args.domain}-search", f"Log search {args.domain}", args.key_admins, [of_logs])
        key = encryption_key(name, place, use, kept)
        logs = self._logs(name, args, groups, key.arn)
        made = opensearch.Domain(
            name,
            domain_name=args.domain,
            engine_version=args.version,
            cluster_config=_plain(cluster_config(args.instance_type, args.instances, args.zones, args.master_type)),
            ebs_options={"ebs_enabled": True, "volume_type": "gp3", "volume_size": args.volume // units.GIB},
            encrypt_at_rest={"enabled": True, "kms_key_id": key.arn},
            node_to_node_encryption={"enabled": True},
            domain_endpoint_options={"enforce_https": True, "tls_security_policy": TLS_POLICY},
            advanced_security_options={
                "enabled": True,
                "anonymous_auth_enabled": False,
                # The sinks log in with a name and a password, as on every platform.
                "internal_user_database_enabled": True,
                "master_user_options": {
                    "master_user_name": args.admin_name,
                    "master_user_password": pulumi.Output.secret(args.admin_password),
                },
            },
            access_policies=json.dumps(search_access_policy(args.region, args.account, args.domain)),
            vpc_options={"subnet_ids": list(args.subnets), "security_group_ids": list(args.security_groups)},
            log_publishing_options=[
                {
                    "log_type": kind,
                    "cloudwatch_log_group_arn": names.arn("logs", args.region, args.account, f"log-group:{group}"),
                    "enabled": True,
                }
                for kind, group in groups.items()
            ],
            auto_tune_options={"desired_state": "ENABLED", "rollback_on_disable": "NO_ROLLBACK"},
            off_peak_window_options={"enabled": True},
            software_update_options={"auto_software_update_enabled": True},
            # AWS checks the right to write logs before it makes the domain.
            opts=pulumi.ResourceOptions.merge(
                kept,
                pulumi.ResourceOptions(
                    depends_on=logs,
                    # Change the administrator at the domain: otherwise each preview would need the password.
                    ignore_changes=["advancedSecurityOptions.masterUserOptions"],
                    custom_timeouts=pulumi.CustomTimeouts(create="90m", update="180m", delete="90m"),
                ),
            ),
        )
        self.url = pulumi.Output.concat("https://", made.endpoint)
        self.domain = made.domain_name
        self.register_outputs({"url": self.url, "domain": self.domain})

    def _logs(
        self, name: str, args: SearchDomainArgs, groups: dict[str, str], key_arn: pulumi.Output[str]
    ) -> list[pulumi.Resource]:
        made: list[pulumi.Resource] = [
            cloudwatch.LogGroup(
                f"{name}-{kind.lower().replace('_', '-')}",
                name=group,
                kms_key_id=key_arn,
                retention_in_days=LOGS[kind],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for kind, group in groups.items()
        ]
        policy = search_log_policy(args.region, args.account, args.domain, groups.values())
        made.append(
            cloudwatch.LogResourcePolicy(
                name,
                policy_name=f"{args.domain}-search-logs",
                policy_document=json.dumps(policy),
                opts=pulumi.ResourceOptions(parent=self),
            )
        )
        return made


def _plain(values: dict[str, Any]) -> Any:
    """Values for the classes of Pulumi's AWS package, which accept them, though their types do not show it."""
    return values
