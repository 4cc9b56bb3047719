"""The components of AWS: every property that keeps data safe is there, in a deployment and in a first preview."""

import json
from typing import Any

import pytest
from kafkalogs import ConfigError
from kafkalogs.aws.buckets import ArchiveBucket, ArchiveBucketArgs, StateBucket, StateBucketArgs
from kafkalogs.aws.disks import EncryptedStorageClass, EncryptedStorageClassArgs
from kafkalogs.aws.glue import GlueCatalog, GlueCatalogArgs
from kafkalogs.aws.roles import ConnectRole, ConnectRoleArgs
from kafkalogs.aws.search import LOGS, SearchDomain, SearchDomainArgs
from kafkalogs.aws.secrets import AwsSecrets, AwsSecretsArgs

from tests.support.graph import UNKNOWN, Graph, unknown

from .aws_graph import ISSUER, PASSWORD, PLACE, built

ADMIN = "arn:aws:iam::123456789012:role/keys"
SEARCH = {
    "domain": "kafkalogs-test",
    "subnets": ["subnet-1", "subnet-2", "subnet-3"],
    "security_groups": ["sg-1"],
    "admin_name": "admin",
    "admin_password": PASSWORD,
}


def archive(preview: bool = False, **more: Any) -> Graph:
    args = ArchiveBucketArgs(
        **{
            **PLACE,
            "bucket": "example",
            "path": "logs",
            "retention_classes": ["access", "audit"],
            "key_admins": [ADMIN],
            **more,
        }
    )
    return built(lambda: ArchiveBucket("archive", args), preview)


def search(preview: bool = False, **more: Any) -> Graph:
    args = SearchDomainArgs(**{**PLACE, **SEARCH, **more})
    return built(lambda: SearchDomain("search", args), preview)


def of(graph: Graph, kind: str, bucket: str) -> dict[str, Any]:
    (found,) = [r for r in graph.of(f":{kind}") if r.inputs.get("bucket") == bucket]
    return found.inputs


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("bucket", ["example", "example-logs", "example-stream"])
def test_every_bucket_is_closed(bucket: str, preview: bool) -> None:
    """Each property is known in a first preview, but for the key that is yet to be made."""
    if bucket == "example-stream":
        graph = built(lambda: StateBucket("state", StateBucketArgs(**PLACE, bucket=bucket)), preview)
        key = "state"
    else:
        graph, key = archive(preview), "archive"
    assert of(graph, "Bucket", bucket)["forceDestroy"] is False
    blocked = of(graph, "BucketPublicAccessBlock", bucket)
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [blocked[switch] for switch in switches] == [True] * 4
    assert of(graph, "BucketVersioning", bucket)["versioningConfiguration"] == {"status": "Enabled"}
    assert of(graph, "BucketOwnershipControls", bucket)["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    (rule,) = of(graph, "BucketServerSideEncryptionConfiguration", bucket)["rules"]
    arn = UNKNOWN if preview else f"arn:aws:kms:eu-central-1:123456789012:key/{key}-id"
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": arn},
        "bucketKeyEnabled": True,
        "blockedEncryptionTypes": ["SSE-C"],
    }
    policy = json.loads(of(graph, "BucketPolicy", bucket)["policy"])
    denied = [statement["Sid"] for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    assert denied[:2] == ["TlsOnly", "Tls12"]
    assert len(denied) == (2 if bucket == "example-logs" else 5)
    assert of(graph, "BucketLifecycleConfiguration", bucket)["rules"]


def test_data_and_keys_are_protected() -> None:
    for graph in (archive(), search(), built(lambda: StateBucket("s", StateBucketArgs(**PLACE, bucket="b")))):
        data = [*graph.of(":Bucket"), *graph.of("kms/key:Key"), *graph.of("domain:Domain")]
        assert data
        assert all(resource.protect for resource in data)
    assert not [r for r in archive(protect=False).resources if r.protect]


def test_keys_turn_and_can_be_called_back() -> None:
    key = archive().one("kms/key:Key", "archive").inputs
    assert (key["enableKeyRotation"], key["rotationPeriodInDays"], key["deletionWindowInDays"]) == (True, 365, 30)
    assert ADMIN in json.dumps(json.loads(key["policy"]))
    assert archive().one("kms/alias:Alias", "archive").inputs["name"] == "alias/example"


def test_the_lock_is_there_before_the_bucket_is_used() -> None:
    graph = archive(lock_years=7, lock_mode="COMPLIANCE")
    assert of(graph, "Bucket", "example")["objectLockEnabled"] is True
    lock = graph.one("BucketObjectLockConfiguration", "archive")
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}
    assert graph.one("BucketVersioning", "archive").urn in lock.dependencies
    assert "objectLockEnabled" not in of(graph, "Bucket", "example-logs")


def test_accesses_are_logged_elsewhere() -> None:
    graph = archive()
    logging = of(graph, "BucketLogging", "example")
    assert (logging["targetBucket"], logging["targetPrefix"]) == ("example-logs", "access/")
    (rule,) = of(graph, "BucketLifecycleConfiguration", "example-logs")["rules"]
    assert rule["expiration"] == {"days": 400}
    # The log of a bucket in itself would log itself.
    assert not [r for r in graph.of(":BucketLogging") if r.inputs["bucket"] == r.inputs["targetBucket"]]
    policy = json.loads(graph.one("kms/key:Key", "archive").inputs["policy"])
    assert [s for s in policy["Statement"] if s.get("Principal") == {"Service": "logging.s3.amazonaws.com"}]


def test_lifecycle_rules_reach_s3_as_they_are_meant() -> None:
    rules = {rule["id"]: rule for rule in of(archive(), "BucketLifecycleConfiguration", "example")["rules"]}
    audit = rules["colder-audit"]
    assert audit["filter"] == {"prefix": "logs/events/data/retention_class=audit/"}
    assert audit["transitions"] == [{"days": 30, "storageClass": "GLACIER_IR"}]
    assert audit["noncurrentVersionTransitions"] == [{"noncurrentDays": 30, "storageClass": "DEEP_ARCHIVE"}]
    last = rules["versions"]
    assert last["noncurrentVersionExpiration"] == {"noncurrentDays": 210}
    assert last["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert last["expiration"] == {"expiredObjectDeleteMarker": True}


def test_a_bucket_is_ready_when_all_that_closes_it_is() -> None:
    component = archive().one("index:ArchiveBucket", "archive")
    assert component.outputs == {
        "bucket": "example",
        "keyArn": "arn:aws:kms:eu-central-1:123456789012:key/archive-id",
        "logBucket": "example-logs",
    }
    preview = archive(preview=True).one("index:ArchiveBucket", "archive")
    assert preview.outputs is not None
    assert preview.outputs["bucket"] == UNKNOWN


@pytest.mark.parametrize("preview", [False, True])
def test_the_domain_is_closed_and_spread(preview: bool) -> None:
    domain = search(preview).one("domain:Domain", "search").inputs
    assert domain["encryptAtRest"]["enabled"] is True
    key = UNKNOWN if preview else "arn:aws:kms:eu-central-1:123456789012:key/search-id"
    assert domain["encryptAtRest"]["kmsKeyId"] == key
    assert domain["nodeToNodeEncryption"] == {"enabled": True}
    assert domain["domainEndpointOptions"] == {
        "enforceHttps": True,
        "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
    }
    security = domain["advancedSecurityOptions"]
    assert (security["enabled"], security["anonymousAuthEnabled"]) == (True, False)
    assert domain["clusterConfig"]["zoneAwarenessEnabled"] is True
    assert domain["clusterConfig"]["zoneAwarenessConfig"] == {"availabilityZoneCount": 3}
    assert domain["clusterConfig"]["dedicatedMasterCount"] == 3
    assert domain["vpcOptions"] == {"subnetIds": SEARCH["subnets"], "securityGroupIds": ["sg-1"]}
    assert domain["ebsOptions"] == {"ebsEnabled": True, "volumeType": "gp3", "volumeSize": 100}


def test_the_domain_logs_before_it_is_made() -> None:
    graph = search()
    domain = graph.one("domain:Domain", "search")
    groups = {r.inputs["name"]: r for r in graph.of("logGroup:LogGroup")}
    assert len(groups) == len(LOGS) == 4
    for option in domain.inputs["logPublishingOptions"]:
        group = groups[option["cloudwatchLogGroupArn"].rpartition("log-group:")[2]]
        assert group.urn in domain.dependencies
        assert group.inputs["kmsKeyId"] == "arn:aws:kms:eu-central-1:123456789012:key/search-id"
    assert graph.one("logResourcePolicy:LogResourcePolicy", "search").urn in domain.dependencies
    assert groups["/aws/opensearch/kafkalogs-test/audit-logs"].inputs["retentionInDays"] == 400


def test_the_administrators_password_is_a_secret() -> None:
    options = search().one("domain:Domain", "search").inputs["advancedSecurityOptions"]["masterUserOptions"]
    password = options["masterUserPassword"]
    assert isinstance(password, dict)
    assert password["value"] == PASSWORD
    assert "4dabf18193072939515e22adb298388d" in password  # how Pulumi marks a secret


def test_the_address_of_the_domain_is_known_when_it_is_made() -> None:
    outputs = search().one("index:SearchDomain", "search").outputs
    assert outputs is not None
    assert outputs["url"] == "https://vpc-search-x1y2.eu-central-1.es.amazonaws.com"
    later = search(preview=True).one("index:SearchDomain", "search").outputs
    assert later is not None
    assert later["url"] == UNKNOWN


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"zones": 2}, r"aws.search.subnets.*2 zones need 2 subnets"),
        ({"instances": 4}, r"aws.search.instances: 4: not a multiple of 3 .the zones., so one zone.*write 6"),
    ],
)
def test_a_domain_that_aws_would_refuse_is_refused_at_once(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        search(**more)


def test_one_zone_is_not_spread() -> None:
    domain = search(zones=1, instances=2, subnets=["subnet-1"]).one("domain:Domain", "search").inputs
    assert domain["clusterConfig"]["zoneAwarenessEnabled"] is False
    assert "zoneAwarenessConfig" not in domain["clusterConfig"]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("protect", [False, True])
def test_disks_are_encrypted_grow_and_are_where_their_pod_is(preview: bool, protect: bool) -> None:
    args = EncryptedStorageClassArgs(**PLACE, storage_class="kafkalogs-encrypted", alias="disks", protect=protect)
    made = built(lambda: EncryptedStorageClass("disks", args), preview).one("v1:StorageClass", "disks").inputs
    assert made["provisioner"] == "ebs.csi.aws.com"
    assert made["parameters"] == {
        "type": "gp3",
        "encrypted": "true",
        "kmsKeyId": UNKNOWN if preview else "arn:aws:kms:eu-central-1:123456789012:key/disks-id",
        "csi.storage.k8s.io/fstype": "xfs",
    }
    assert made["allowVolumeExpansion"] is True
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["reclaimPolicy"] == ("Retain" if protect else "Delete")


def test_the_catalog_says_where_the_table_is() -> None:
    args = GlueCatalogArgs(account="123456789012", database="kafkalogs_test", warehouse="s3://example/logs/")
    database = built(lambda: GlueCatalog("catalog", args)).one("CatalogDatabase", "catalog")
    assert database.protect
    assert database.inputs["locationUri"] == "s3://example/logs"
    assert (database.inputs["name"], database.inputs["catalogId"]) == ("kafkalogs_test", "123456789012")


def role(key: Any, preview: bool = False) -> Graph:
    workload = {"oidc_provider": ISSUER, "namespace": "kafkalogs", "service_account": "connect-connect", "role": "r"}
    return built(
        lambda: ConnectRole(
            "connect",
            ConnectRoleArgs(
                **PLACE, **workload, bucket="example", path="logs", key_arn=key(), database="kafkalogs_test"
            ),
        ),
        preview,
    )


def test_a_role_is_known_before_its_key_is() -> None:
    graph = role(unknown, preview=True)
    assert graph.one("rolePolicy:RolePolicy", "connect").inputs["policy"] == UNKNOWN
    made = graph.one("role:Role", "connect").inputs
    assert made["name"] == "r"
    assert f"{ISSUER}:sub" in made["assumeRolePolicy"]


def test_a_role_has_its_rights_when_it_is_ready() -> None:
    graph = role(lambda: "arn:aws:kms:eu-central-1:123456789012:key/k")
    rights = graph.one("rolePolicy:RolePolicy", "connect")
    assert rights.inputs["role"] == "r"
    assert "arn:aws:kms:eu-central-1:123456789012:key/k" in rights.inputs["policy"]
    component = graph.one("index:ConnectRole", "connect")
    assert component.outputs == {"arn": "arn:aws:iam::123456789012:role/r"}


def secrets(preview: bool = False) -> Graph:
    args = AwsSecretsArgs(
        **PLACE,
        oidc_provider=ISSUER,
        namespace="kafkalogs",
        role="kafkalogs-test-secrets",
        secrets={"pagerduty": "prod/pagerduty", "search-sink": "prod/sink"},
    )
    return built(lambda: AwsSecrets("aws-secrets", args), preview)


@pytest.mark.parametrize("preview", [False, True])
def test_secrets_come_by_an_operator_with_a_role(preview: bool) -> None:
    graph = secrets(preview)
    account = graph.one("ServiceAccount", "aws-secrets").inputs
    arn = "arn:aws:iam::123456789012:role/kafkalogs-test-secrets"
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == arn
    store = graph.one("SecretStore", "aws-secrets")
    assert store.inputs["apiVersion"] == "external-secrets.io/v1"
    assert store.inputs["spec"]["provider"]["aws"]["auth"] == {
        "jwt": {"serviceAccountRef": {"name": account["metadata"]["name"]}}
    }
    made = {r.inputs["metadata"]["name"]: r for r in graph.of(":ExternalSecret")}
    assert set(made) == {"pagerduty-credentials", "search-sink-credentials"}
    for name, secret in made.items():
        assert secret.inputs["spec"]["target"]["name"] == name
        assert secret.inputs["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": "aws-secrets-manager"}
        assert store.urn in secret.dependencies
    assert made["search-sink-credentials"].inputs["spec"]["dataFrom"] == [{"extract": {"key": "prod/sink"}}]


def test_the_store_waits_for_its_rights() -> None:
    graph = secrets()
    assert graph.one("rolePolicy:RolePolicy", "aws-secrets").urn in graph.one("SecretStore", "aws-secrets").dependencies
    policy = json.loads(graph.one("rolePolicy:RolePolicy", "aws-secrets").inputs["policy"])
    assert all("prod/pagerduty" in arn or "prod/sink" in arn for arn in policy["Statement"][0]["Resource"])
