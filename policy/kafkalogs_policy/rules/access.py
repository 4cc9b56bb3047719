"""no-wildcard-acl and no-anonymous-user: everybody is somebody, and may do what is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from ..kinds import kind, of
from ..model import Context, Rule, Violation, each
from ..values import View
from . import aws

# type: the property with the document of rights
DOCUMENTS: Final = {
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:opensearch/domain:Domain": "accessPolicies",
    "aws:opensearch/domainPolicy:DomainPolicy": "accessPolicies",
    "aws:kms/key:Key": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
}
_WATCHING: Final = frozenset({"describe", "describeconfigs"})
_ON_CLUSTER: Final = _WATCHING | {"idempotentwrite"}
"""What a user may do on the cluster itself. Everything else changes brokers, rights or other users' topics."""
_SEPARATORS: Final = (".", "-", "_")
_DOMAIN: Final = "aws:opensearch/domain:Domain"
_ROLE: Final = "aws:iam/role:Role"
ATTACHMENTS: Final = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
)
_WIDE_POLICY: Final = re.compile(r"^arn:aws[\w-]*:iam::aws:policy/.*(AdministratorAccess|PowerUserAccess|FullAccess)")
_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
_WIDE_ROLES: Final = frozenset({"cluster-admin", "admin", "edit"})
_RISING: Final = frozenset({"escalate", "bind", "impersonate"})
_INSIDE: Final = frozenset(
    {"pods/exec", "pods/attach", "pods/ephemeralcontainers", "nodes/proxy", "serviceaccounts/token"}
)
"""Resources by which a right becomes that of another: a pod's, a node's or a service account's."""
_AGGREGATED: Final = "rbac.authorization.k8s.io/aggregate-to-"
_SPECIAL: Final = re.compile(r"[*?]")
"""What stands for any characters in AWS's names."""
_EVERYBODY: Final = frozenset(
    {"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous", "system:masters"}
)
# Documents that stand on a resource: what they name is that resource, and "*" is no more.
_OF_RESOURCES: Final = frozenset(type_ for type_ in DOCUMENTS if not type_.startswith("aws:iam/"))


def _acls(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name = kind(type_)
    if name == "KafkaUser":
        for acl in view["spec"]["authorization"]["acls"].items:
            yield from each(_acl(acl))
    elif name == "Kafka":
        place = view["spec"]["kafka"]["config"]["allow.everyone.if.no.acl.found"]
        if place.true:
            told = "true: whoever connects may read and write every topic without an ACL"
            yield Violation(place.path, told, "leave it out")
    elif name in _BINDINGS:
        yield from each(_binding(view))
    elif name in {"Role", "ClusterRole"}:
        for rule in view["rules"].items:
            yield from each(_role_rule(rule), _secrets_of_all(rule) if name == "ClusterRole" else iter(()))
        yield from each(_aggregated(view))
    elif name in ATTACHMENTS or name == _ROLE:
        for place in (view["policyArn"], *view["managedPolicyArns"].items):
            yield from each(_managed_policy(place))
    if name in DOCUMENTS:
        document = view[DOCUMENTS[name]]
        if document.there:
            open_ = _has_own_users(view) if name == _DOMAIN else False
            yield from each(_document(document, of_resource=name in _OF_RESOURCES, open_=open_))


def _acl(acl: View) -> Iterator[Violation]:
    if acl["type"].text == "deny":
        return
    resource = acl["resource"]
    operations = {operation.text.lower() for operation in [*acl["operations"].items, acl["operation"]]} - {""}
    # Who watches everything sees names and positions of what will be there too, and can read none of it.
    watches = bool(operations) and operations <= _WATCHING
    if not watches and resource["type"].text != "cluster" and resource["name"].text in {"", "*"}:
        told = f"an ACL on every {resource['type'].text or 'resource'} there is"
        remedy = "name the topics or groups, or a prefix of them with patternType: prefix"
        yield Violation(f"{resource.path}.name", told, remedy)
    if resource["type"].text == "cluster" and (beyond := sorted(operations - _ON_CLUSTER - {"all"})):
        told = f"an ACL on the cluster for {', '.join(beyond)}"
        remedy = "leave it out: the operators change the cluster; users may Describe, DescribeConfigs, IdempotentWrite"
        yield Violation(f"{acl.path}.operations", told, remedy)
    by_prefix = resource["patternType"].text == "prefix"
    if by_prefix and not resource["name"].text.endswith(_SEPARATORS):
        told = f"an ACL on every {resource['type'].text} that begins with {resource['name'].shown}, of whichever word"
        yield Violation(f"{resource.path}.name", told, "end the prefix with a separator, like logs.")
    for operation in [*acl["operations"].items, acl["operation"]]:
        if operation.text.lower() == "all":
            told = "an ACL for every operation, deletion and rights included"
            yield Violation(operation.path, told, "name the operations, like Read and Describe")


def _binding(view: View) -> Iterator[Violation]:
    role = view["roleRef"]["name"]
    if role.text in _WIDE_ROLES:
        told = (
            f"{role.shown}: every right there is"
            if role.text == "cluster-admin"
            else f"{role.shown}: reads all Secrets"
        )
        yield Violation(role.path, told, "bind a role that names what is needed")
    for subject in view["subjects"].items:
        if subject["name"].text in _EVERYBODY or subject["name"].text.startswith("system:serviceaccounts:"):
            told = f"gives rights to {subject['name'].shown}, which is everybody"
            yield Violation(f"{subject.path}.name", told, "name the service account")


def _role_rule(rule: View) -> Iterator[Violation]:
    for key, what in (("verbs", "every verb"), ("resources", "every resource"), ("nonResourceURLs", "every address")):
        for place in rule[key].items:
            if place.text == "*":
                yield Violation(place.path, f"a right for {what}", "name what is needed")
            elif key == "resources" and place.text in _INSIDE:
                yield Violation(place.path, f"{place.text}: the rights of whatever runs there", "leave it out")
            elif key == "verbs" and place.text in _RISING:
                told = f"{place.text}: whoever may do this can give itself every right"
                yield Violation(place.path, told, "leave it out")


def _secrets_of_all(rule: View) -> Iterator[Violation]:
    for place in rule["resources"].items:
        if place.text == "secrets" and not rule["resourceNames"].items:
            yield Violation(place.path, "the Secrets of every namespace", "name them in resourceNames, or write a Role")


def _aggregated(view: View) -> Iterator[Violation]:
    if view["aggregationRule"].there:
        yield Violation("aggregationRule", "rights that other roles give, unseen here", "write rules")
    for key, place in view["metadata"]["labels"].entries.items():
        if key.startswith(_AGGREGATED):
            yield Violation(place.path, "adds these rights to a role of Kubernetes' own", "leave it out")


def _managed_policy(place: View) -> Iterator[Violation]:
    # AWS's own policies; of a policy that the stack makes, its document is checked.
    if place.there and _WIDE_POLICY.search(place.text):
        yield Violation(
            place.path, f"{place.shown}: all rights of a service or more", "attach a policy that names actions"
        )


def _has_own_users(view: View) -> bool:
    """Whether a search domain asks everybody for a password, and can be reached from its network only. Who has a
    password has no identity of AWS, so that AWS wants the domain's own policy open
    (https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html)."""
    options = view["advancedSecurityOptions"]
    own = options["enabled"].true and options["internalUserDatabaseEnabled"].true
    return own and not options["anonymousAuthEnabled"].true and bool(view["vpcOptions"]["subnetIds"].items)


def _document(document: View, *, of_resource: bool, open_: bool) -> Iterator[Violation]:
    for statement in aws.allowing(document):
        # A key's own policy names the account's root with kms:*, or nobody could ever change the key.
        if not of_resource:
            wide = {one for one in aws.listed(statement.get("Action")) if not _SPECIAL.sub("", one.rpartition(":")[2])}
            if wide:
                told = f"allows {', '.join(sorted(wide))}"
                yield Violation(document.path, told, "name the actions")
            if any(_whole(resource) for resource in aws.listed(statement.get("Resource"))):
                yield Violation(document.path, "allows it on every resource there is", "name the resources")
        if "NotAction" in statement or "NotResource" in statement:
            yield Violation(document.path, "allows all but what it names", "name what it allows")
        if not open_ and _everybody(statement.get("Principal")) and not _narrowed(statement.get("Condition")):
            yield Violation(document.path, "allows it to everybody", "name the role in Principal")


def _whole(resource: str) -> bool:
    """Whether a name of resources is all of a service: * alone, or an ARN that names nothing (arn:aws:s3:::*).

    Of S3's objects the name begins with the bucket's, so one that names no bucket is everybody's (arn:aws:s3:::*/logs).
    """
    parts = resource.split(":", 5)
    name = parts[-1].partition("/")[0] if parts[2:3] == ["s3"] else parts[-1]
    return not _SPECIAL.sub("", name) and all(not part or part == "*" for part in parts[3:5])


def _narrowed(condition: Any) -> bool:
    """Whether a condition holds for some only; one that names * holds for everybody."""
    tests = cast("dict[str, dict[str, Any]]", condition or {}).values()
    values = [value for test in tests for listed in test.values() for value in aws.listed(listed)]
    return any(_SPECIAL.sub("", value) for value in values)


def _everybody(principal: Any) -> bool:
    named = cast("dict[str, Any]", principal).get("AWS") if isinstance(principal, dict) else principal
    return "*" in aws.listed(named)


def _users(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name, spec = kind(type_), view["spec"] if not type_.startswith("aws:") else view
    if name == "KafkaUser":
        yield from each(_authenticated(spec["authentication"], "a user without credentials is anybody"))
    elif name == "Kafka":
        for listener in spec["kafka"]["listeners"].items:
            told = f"whoever reaches the listener {listener['name'].shown} is User:ANONYMOUS"
            yield from each(_authenticated(listener["authentication"], told))
        yield from each(
            _authorized(spec["kafka"]["authorization"]),
            _no_super_users(spec["kafka"]["authorization"]["superUsers"]),
            _no_super_users(spec["kafka"]["config"]["super.users"]),
        )
    elif name in {"KafkaConnect", "KafkaBridge"}:
        yield from each(_authenticated(spec["authentication"], "it connects to Kafka as nobody"))
    elif name == "KafkaMirrorMaker2":
        for cluster in [spec["target"], *spec["clusters"].items, *(one["source"] for one in spec["mirrors"].items)]:
            if cluster.there:
                yield from each(_authenticated(cluster["authentication"], "it connects to Kafka as nobody"))
    else:
        yield from each(_domain(view))


def _authenticated(place: View, told: str) -> Iterator[Violation]:
    remedy = "write authentication with type: tls or scram-sha-512"
    if not place["type"].text:
        yield Violation(place.path, told, remedy)
    elif place["type"].text == "custom" and not place["sasl"].true:
        yield Violation(f"{place.path}.sasl", f"{told}: of the type custom, without SASL", remedy)


def _authorized(place: View) -> Iterator[Violation]:
    if not place["type"].text:
        told = "no authorization: every user may do everything"
        yield Violation(place.path, told, "write authorization with type: simple")
    elif place["type"].text != "simple":
        told = f"rights of the type {place['type'].shown} are not in KafkaUsers, so nothing here can check them"
        yield Violation(f"{place.path}.type", told, "write simple, or declare an exception that says who checks them")


def _no_super_users(place: View) -> Iterator[Violation]:
    if place.items if isinstance(place.known, list) else place.text:
        told = "a super user, whom no ACL and no quota holds; the operators have theirs without this"
        yield Violation(place.path, told, "leave it out and give a KafkaUser the rights that it needs")


def _domain(view: View) -> Iterator[Violation]:
    options = view["advancedSecurityOptions"]
    if not options["enabled"].true:
        told = f"fine-grained access is {options['enabled'].shown}: whoever reaches the search engine may do all"
        yield Violation(f"{options.path}.enabled", told, "write true")
    if options["anonymousAuthEnabled"].true:
        told = "the search engine answers whoever gives no name"
        yield Violation(f"{options.path}.anonymousAuthEnabled", told, "leave it out")


ACLS: Final = Rule(
    name="no-wildcard-acl",
    title="Rights name what they are for",
    applies=of("KafkaUser", "Kafka", "Role", "ClusterRole", *_BINDINGS, *ATTACHMENTS, *DOCUMENTS),
    examine=_acls,
)

USERS: Final = Rule(
    name="no-anonymous-user",
    title="Nobody is anonymous, and nobody but the operators is a super user",
    applies=of("KafkaUser", "Kafka", "KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2", _DOMAIN),
    examine=_users,
)
