"""`EncryptedStorageClass`: the platform's disks on EBS, encrypted with the platform's key."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.storage.v1 import StorageClass

from ..kube.resources import Manifest, typed
from .keys import AwsPlace, KeyUse, encryption_key
from .policies import disk_key_statements


@dataclass(frozen=True, kw_only=True)
class EncryptedStorageClassArgs:
    """The arguments of an `EncryptedStorageClass`."""

    region: str
    """The region of the cluster."""

    account: str
    """The number of the account."""

    storage_class: str
    """The name of the StorageClass. StorageClasses have no namespace, so a cluster can hold only one platform."""

    alias: str
    """The name of the key."""

    key_admins: Sequence[str] = ()
    """ARNs of principals that administer the key besides the account."""

    protect: bool = True
    """Whether Pulumi refuses to delete the key, and a deleted claim leaves its disk behind."""


def storage_class_manifest(name: str, key_arn: pulumi.Input[str], *, protect: bool) -> Manifest:
    """The StorageClass: gp3 on EBS, encrypted, expandable, in the zone of its pod.

    key_arn may be unknown in a preview: the rest of the manifest is known before the key exists.
    """
    return {
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "kafkalogs", "app.kubernetes.io/managed-by": "pulumi"},
        },
        "provisioner": "ebs.csi.aws.com",
        "parameters": {
            "type": "gp3",
            "encrypted": "true",
            "kmsKeyId": key_arn,
            "csi.storage.k8s.io/fstype": "xfs",
        },
        "allow_volume_expansion": True,
        "volume_binding_mode": "WaitForFirstConsumer",
        "reclaim_policy": "Retain" if protect else "Delete",
    }


class EncryptedStorageClass(pulumi.ComponentResource):
    """A StorageClass of encrypted disks, and their key. The EBS CSI driver must be in the cluster."""

    storage_class: pulumi.Output[str]
    """The name of the StorageClass, known when it is there."""

    key_arn: pulumi.Output[str]
    """The ARN of the key."""

    def __init__(self, name: str, args: EncryptedStorageClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(EncryptedStorageClassArgs, args)
        super().__init__("kafkalogs:index:EncryptedStorageClass", name, {}, opts)
        further = disk_key_statements(args.region, args.account)
        key = encryption_key(
            name,
            AwsPlace(args.region, args.account),
            KeyUse(args.alias, "Disks of the log platform", args.key_admins, further),
            pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        made = StorageClass(
            name,
            **storage_class_manifest(args.storage_class, key.arn, protect=args.protect),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.storage_class = made.id.apply(lambda _: args.storage_class)
        self.key_arn = key.arn
        self.register_outputs({"storageClass": self.storage_class, "keyArn": self.key_arn})
