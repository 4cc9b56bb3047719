"""`GlueCatalog`: what knows the newest state of the archive's tables, and where engines like Athena find them.

The sink makes the table itself, from the converter's schema; the database and where it is are made here.
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import glue

from ..kube.resources import typed


@dataclass(frozen=True, kw_only=True)
class GlueCatalogArgs:
    """What a `GlueCatalog` is made of."""

    account: str
    """The number of the account, whose catalog it is."""

    database: str
    """The name of the database: small letters, digits and _."""

    warehouse: str
    """Where the files of its tables are, like s3://logs-archive/logs; a table's are in a folder of its name."""

    protect: bool = True
    """Whether Pulumi refuses to delete it: without it nobody finds the archive's files."""


class GlueCatalog(pulumi.ComponentResource):
    """The database of the archive's tables in the account's Glue Data Catalog."""

    database: pulumi.Output[str]
    """The name of the database."""

    def __init__(self, name: str, args: GlueCatalogArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(GlueCatalogArgs, args)
        super().__init__("kafkalogs:index:GlueCatalog", name, {}, opts)
        made = glue.CatalogDatabase(
            name,
            name=args.database,
            catalog_id=args.account,
            description="Log events of kafkalogs, as Apache Iceberg tables",
            location_uri=args.warehouse.rstrip("/"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        self.database = made.name
        self.register_outputs({"database": self.database})
