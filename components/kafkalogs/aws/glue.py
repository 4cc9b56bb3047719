"""`GlueCatalog`: holds the newest state of the archive's tables; engines like Athena find the tables there.

The sink makes the table from the converter's schema; this module makes the database and sets its location.
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import glue

from ..kube.resources import typed


@dataclass(frozen=True, kw_only=True)
class GlueCatalogArgs:
    """The arguments of a `GlueCatalog`."""

    account: str
    """The number of the account that owns the catalog."""

    database: str
    """The name of the database: small letters, digits and _."""

    warehouse: str
    """The folder of the tables, like s3://logs-archive/logs; each table's files are in a subfolder with its name."""

    protect: bool = True
    """Whether Pulumi refuses to delete the database: without it nobody finds the archive's files."""


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
