"""CREATE VIEW: a query kept in the catalog, encoded as Presto does.

https://docs.aws.amazon.com/athena/latest/ug/create-view.html
"""

from __future__ import annotations

from silolake import sql
from silolake.localcloud.engines.athena.definitions import existing, place_of
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.relations import VIEW, Context, Named, owner_of, resolve
from silolake.localcloud.engines.athena.rights import Rights
from silolake.sql.views import EXPANDED


def create_view(rights: Rights, context: Context, statement: sql.CreateView) -> None:
    """CREATE [OR REPLACE] VIEW. Writes.

    Raises:
        QueryFailed: the view, or what it reads, is in another account's catalog.
        SqlRefused: its query does not hold.
    """
    place = place_of(rights, context, statement.name)
    _refuse_foreign(context, place.owner.account, str(statement.name))
    named = resolve(rights, context, statement)
    _refuse_foreign_sources(rights, context, named)
    full = statement.name.within(context.catalog, context.database)
    if full in named.relations:
        raise sql.SqlRefused("Statement would create a recursive view", "INVALID_RECURSIVE_REFERENCE")
    columns = sql.translate(statement.query, named.relations, context.catalog, context.database).columns
    _check_names(columns)
    found = existing(rights, place)
    if found is not None and found.get("TableType") != VIEW:
        raise sql.SqlRefused(f"'{full}' is a table, not a view", "NOT_SUPPORTED")
    if found is not None and not statement.or_replace:
        raise sql.SqlRefused(f"View already exists: '{full}'", "TABLE_ALREADY_EXISTS")
    catalog, database = context.catalog.lower(), context.database or place.database
    given = {
        "Name": place.table,
        "TableType": VIEW,
        "ViewOriginalText": sql.encode_view(statement.text, catalog, database, columns),
        "ViewExpandedText": EXPANDED,
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": each.name.lower(), "Type": sql.to_glue(each.type)} for each in columns],
            "Location": "",
            "SerdeInfo": {},
        },
    }
    operation = "CreateTable" if found is None else "UpdateTable"
    rights.ask("glue", operation, {**place.asked, "TableInput": given})


def _refuse_foreign_sources(rights: Rights, context: Context, named: Named) -> None:
    for name in named.relations:
        _refuse_foreign(context, owner_of(rights, context, name).catalog.account, str(name))


def _refuse_foreign(context: Context, owner: str, name: str) -> None:
    """Athena makes no view over the catalog of another account.

    https://docs.aws.amazon.com/athena/latest/ug/data-sources-glue-cross-account.html
    """
    if owner != context.account:
        raise QueryFailed(
            "NOT_SUPPORTED: Queries of this type are not supported: CREATE VIEW cannot be used over a cross-account "
            f"data catalog ({name} belongs to account {owner})",
            ErrorType.NOT_SUPPORTED,
        )


def _check_names(columns: tuple[sql.Column, ...]) -> None:
    seen: set[str] = set()
    for place, column in enumerate(columns, start=1):
        if column.name.startswith("_col"):
            raise sql.SqlRefused(f"Column name not specified at position {place}", "MISSING_COLUMN_NAME")
        if column.name.lower() in seen:
            raise sql.SqlRefused(f"Column name '{column.name}' specified more than once", "DUPLICATE_COLUMN_NAME")
        seen.add(column.name.lower())
