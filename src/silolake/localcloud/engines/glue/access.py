"""What IAM must allow before an operation on the catalog runs.

A request on a table must be allowed on the catalog, the database and the table, and a deletion on everything
beneath too: https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from silolake.localcloud.call import Access, AccessOf, Call
from silolake.localcloud.engines.glue.catalog import catalog_policy
from silolake.localcloud.engines.glue.names import Catalog, catalog_of, folded, parameter, required

TablesOf = Callable[[Call], Iterable[str]]


def accesses(connection: sqlite3.Connection, catalog: Catalog, action: str, arns: Iterable[str]) -> tuple[Access, ...]:
    """One access for each ARN, under the owner's catalog policy. Reads only."""
    policy = catalog_policy(connection, catalog.account, catalog.region)
    return tuple(Access(f"glue:{action}", arn, catalog.account, policy=policy) for arn in arns)


def access_to_table(
    connection: sqlite3.Connection, catalog: Catalog, database: str, table: str, action: str
) -> tuple[Access, ...]:
    """What a request on one table must be allowed, for engines that act on a caller's behalf. Reads only.

    Args:
        catalog: whose table it is.
        action: Glue's action without its prefix, ``GetTable``.
    """
    arns = (catalog.arn, catalog.database_arn(database), catalog.table_arn(database, table))
    return accesses(connection, catalog, action, arns)


def on_catalog(call: Call) -> Iterable[Access]:
    """The catalog alone."""
    return _decided(call, call.operation, lambda catalog: (catalog.arn,))


def on_database(name: Callable[[Call], str]) -> AccessOf:
    """The catalog and one database; ``*`` for all."""

    def access(call: Call) -> Iterable[Access]:
        database = name(call)
        return _decided(call, call.operation, lambda catalog: (catalog.arn, catalog.database_arn(database)))

    return access


def on_whole_database(call: Call) -> Iterable[Access]:
    """The catalog, a database, and every table and function in it."""
    database = parameter(call, "Name")
    return _decided(
        call,
        call.operation,
        lambda catalog: (
            catalog.arn,
            catalog.database_arn(database),
            catalog.table_arn(database, "*"),
            f"arn:aws:glue:{catalog.region}:{catalog.account}:userDefinedFunction/{database}/*",
        ),
    )


def on_tables(tables: TablesOf, action: str = "") -> AccessOf:
    """The catalog, the database ``DatabaseName`` and tables in it.

    Args:
        tables: which tables, out of the call.
        action: Glue's action, where it is not the operation's own name.
    """

    def access(call: Call) -> Iterable[Access]:
        database = parameter(call, "DatabaseName")
        names = tuple(tables(call))
        return _decided(
            call,
            action or call.operation,
            lambda catalog: (
                catalog.arn,
                catalog.database_arn(database),
                *(catalog.table_arn(database, table) for table in names),
            ),
        )

    return access


def on_table(name: str = "TableName", action: str = "") -> AccessOf:
    """The catalog, the database ``DatabaseName`` and the table that the parameter ``name`` says."""
    return on_tables(lambda call: (parameter(call, name),), action)


def on_arn(call: Call) -> Iterable[Access]:
    """The resource of ``ResourceArn`` itself."""
    arn = required(call.parameters, "ResourceArn")
    return _decided(call, call.operation, lambda _: (arn,))


def name_in(structure: str) -> Callable[[Call], str]:
    """Reads the folded ``Name`` in a structure of the call, ``DatabaseInput``."""
    return lambda call: folded(required(required(call.parameters, structure), "Name"), f"{structure}.name")


def _decided(call: Call, action: str, arns: Callable[[Catalog], Iterable[str]]) -> Iterable[Access]:
    catalog = catalog_of(call)
    with call.cloud.store.read() as connection:
        return accesses(connection, catalog, action, arns(catalog))
