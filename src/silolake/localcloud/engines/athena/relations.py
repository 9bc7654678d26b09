"""What a query names: tables and views, read from Glue with the caller's own rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from silolake import sql
from silolake.localcloud.call import Access
from silolake.localcloud.engines.athena.data_catalogs import DataCatalog, find_data_catalog
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.names import DEFAULT_CATALOG, data_catalog_arn
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.glue.names import Catalog
from silolake.localcloud.errors import AwsError
from silolake.sql import tree
from silolake.sql.walking import walk

VIEW = "VIRTUAL_VIEW"


@dataclass(frozen=True, slots=True)
class Context:
    """Where a query's names are looked up.

    Attributes:
        account: whose data catalogs those are.
        catalog: ``QueryExecutionContext.Catalog``.
        database: ``QueryExecutionContext.Database``; ``None`` where it says none.
    """

    account: str
    catalog: str = DEFAULT_CATALOG
    database: str | None = None


@dataclass(slots=True)
class Used:
    """A table whose rows a query reads.

    Attributes:
        name: in full.
        owner: whose catalog it is in.
        table: as Glue tells it.
        keys: its partition keys.
        wanted: for each place that names it, which partitions matter there; ``None`` for all.
    """

    name: sql.TableName
    owner: Catalog
    table: dict[str, Any]
    keys: tuple[sql.Column, ...]
    wanted: list[sql.Predicate | None] = field(default_factory=list)

    def may_want(self, values: tuple[str | None, ...]) -> bool:
        """False only where no row of a partition with these values can matter."""
        row = dict(zip((key.name for key in self.keys), values, strict=True))
        return any(each is None or each.may_match(row) for each in self.wanted)


@dataclass(slots=True)
class Named:
    """Everything that a query names, directly and through views."""

    relations: dict[sql.TableName, sql.Schema | sql.View] = field(default_factory=dict)
    tables: dict[sql.TableName, Used] = field(default_factory=dict)


def resolve(rights: Rights, context: Context, statement: sql.Statement) -> Named:
    """Look up every table and view that a statement reads. Reads only.

    Raises:
        QueryFailed: the caller may not read what the catalog says of one.
        SqlRefused: a catalog or database is not there. A table that is not there is left out.
    """
    named = Named()
    _resolve(rights, context, statement, named)
    return named


def owner_of(rights: Rights, context: Context, name: sql.TableName) -> DataCatalog:
    """The catalog in which a name, in full, is looked up; the caller may look there.

    Raises:
        SqlRefused: there is no such catalog.
        QueryFailed: it is another Region's, or the caller may not.
    """
    with rights.cloud.store.read() as connection:
        found = find_data_catalog(connection, context.account, rights.region, name.catalog or DEFAULT_CATALOG)
    if found is None:
        raise sql.SqlRefused(f"Catalog '{name.catalog}' not found", "CATALOG_NOT_FOUND")
    if found.is_registered:
        arn = data_catalog_arn(context.account, rights.region, found.name)
        rights.need([Access("athena:GetDataCatalog", arn, context.account)])
    if found.catalog.region != rights.region:
        raise QueryFailed(
            f"Cross-region access is not supported: catalog {found.name} is in {found.catalog.region}, "
            f"the query runs in {rights.region}",
            ErrorType.NOT_SUPPORTED,
        )
    return found


def find_table(rights: Rights, owner: Catalog, name: sql.TableName) -> dict[str, Any] | None:
    """A table or view as Glue tells it to the caller, resource links followed; ``None`` where there is none.

    Raises:
        QueryFailed: the caller may not.
        SqlRefused: there is no such database.
    """
    asked = {"CatalogId": owner.account, "DatabaseName": name.database, "Name": name.table}
    try:
        found: dict[str, Any] = rights.ask("glue", "GetTable", asked)["Table"]
    except AwsError as error:
        if error.code != "EntityNotFoundException":
            raise QueryFailed(error.message) from error
        if error.message.startswith("Database"):
            raise sql.SqlRefused(f"Schema '{name.database}' does not exist", "SCHEMA_NOT_FOUND") from error
        return None
    link = found.get("TargetTable")
    if link is None:
        return found
    target = Catalog(link.get("CatalogId") or owner.account, rights.region)
    return find_table(rights, target, sql.TableName.of(DEFAULT_CATALOG, link["DatabaseName"], link["Name"]))


def columns_of(table: dict[str, Any]) -> tuple[tuple[sql.Column, ...], tuple[sql.Column, ...]]:
    """A table's columns and its partition keys.

    Raises:
        QueryFailed: Athena knows no such type, or two columns have one name.
    """
    storage = table.get("StorageDescriptor") or {}
    columns = tuple(map(_column, storage.get("Columns") or ()))
    keys = tuple(map(_column, table.get("PartitionKeys") or ()))
    names = [each.name for each in (*columns, *keys)]
    if len(set(names)) < len(names):
        raise QueryFailed("HIVE_INVALID_METADATA: Table descriptor contains duplicate columns", ErrorType.DATA)
    return columns, keys


def _column(found: dict[str, str]) -> sql.Column:
    try:
        return sql.Column.of_glue(found["Name"], found.get("Type", "string"))
    except sql.UnknownGlueType as error:
        raise QueryFailed(
            f"HIVE_UNSUPPORTED_FORMAT: column {found['Name']} has unsupported type {found.get('Type')}", ErrorType.DATA
        ) from error


def _resolve(rights: Rights, context: Context, statement: sql.Statement, named: Named) -> None:
    for written in sql.tables_read(statement):
        name = written.within(context.catalog, context.database)
        if name.database is None:
            continue
        if name.database == "information_schema":
            raise sql.SqlNotPlayed("information_schema")
        try:
            _resolve_one(rights, context, name, named)
        except sql.SqlRefused as refused:
            raise placed(refused, statement, written) from refused
        used = named.tables.get(name)
        if used is not None:
            used.wanted.append(sql.partition_filter(statement, written, used.keys))


def _resolve_one(rights: Rights, context: Context, name: sql.TableName, named: Named) -> None:
    if name in named.relations:
        return
    owner = owner_of(rights, context, name).catalog
    table = find_table(rights, owner, name)
    if table is None:
        return
    if table.get("TableType") == VIEW:
        text = sql.decode_view(table.get("ViewOriginalText") or "")
        view = sql.View(sql.parse_query(text.sql), text.catalog, text.database, text.columns)
        named.relations[name] = view
        _resolve(rights, Context(context.account, view.catalog, view.database or None), view.query, named)
        return
    if (table.get("Parameters") or {}).get("table_type", "").upper() == "ICEBERG":
        raise sql.SqlNotPlayed("Iceberg tables")
    columns, keys = columns_of(table)
    named.relations[name] = sql.Schema(columns + keys)
    named.tables[name] = Used(name, Catalog(table["CatalogId"], rights.region), table, keys)


def placed(refused: sql.SqlRefused, statement: sql.Statement, written: sql.TableName) -> sql.SqlRefused:
    """The same refusal, with the place where the statement writes a name."""
    if refused.at is not None or isinstance(refused, sql.SqlNotPlayed):
        return refused
    query = sql.query_of(statement)
    places: Iterator[tree.Node] = walk(query) if query is not None else iter(())
    at = next((node.at for node in places if isinstance(node, tree.Table) and node.name == written), None)
    return sql.SqlRefused(refused.problem, refused.code, at)
