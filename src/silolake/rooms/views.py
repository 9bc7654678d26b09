"""Reading ``cross_silo_views/<name>/``. What a view's SQL says is judged by the function that ``load`` is handed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from silolake.contracts import Contract
from silolake.contracts.lines import Node, advise
from silolake.errors import RoomError
from silolake.rooms.organization import declared_selector
from silolake.rooms.reading import called, files, folders, one_of, read_room, read_text
from silolake.rooms.values import Case, Organization, Plain, Published, Source, View

ROOM = "cross_silo_views"
SILO = "silo"

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_READER = re.compile(r"([a-z][a-z0-9_-]*)/([\w+=,.@-]+)")


def read_views(root: Path, contracts: Mapping[str, Contract], organization: Organization) -> Mapping[str, View]:
    """Read every view, by name.

    Args:
        root: the workspace's root.
        contracts: the contract of each product that a pipeline makes.
        organization: whose accounts readers are roles of.

    Raises:
        RoomError: for a line that cannot be understood, or names a product, account or column that is not there.
    """
    found = {}
    for folder in folders(root, ROOM):
        view = _View(root, folder, contracts, organization).read()
        found[view.name] = view
    return found


class _View:
    def __init__(self, root: Path, folder: Path, contracts: Mapping[str, Contract], organization: Organization) -> None:
        self._root, self._folder = root, folder
        self._contracts, self._organization = contracts, organization

    def read(self) -> View:
        node = read_room(self._root, self._folder / "view.yaml", "Declare the view there, or take the folder away.")
        entry = node.fields(("name", "owner", "description", "sources", "readers", "published", "columns"))
        name = entry["name"].text("a view's name")
        if name != self._folder.name or not _IDENTIFIER.fullmatch(name):
            problem = f"the folder is called {self._folder.name!r}, the view {name!r}"
            raise entry["name"].fault(problem, "Call both the same, in lower-case letters, digits and _.")
        sources = self._sources(entry["sources"])
        columns = self._columns(entry["columns"])
        sql_path = self._folder / "view.sql"
        sql = read_text(self._root, sql_path, f"Write the Athena SQL of {name} there.")
        if not sql.strip():
            raise RoomError(called(self._root, sql_path), 0, "the file is empty", f"Write the Athena SQL of {name}.")
        return View(
            name=name,
            owner=entry["owner"].text("a team's name"),
            description=entry["description"].text("a description"),
            sources=sources,
            readers=self._readers(entry["readers"]),
            published=cast(Published, one_of(entry["published"], "a form", ("partitioned_table", "union"))),
            columns=columns,
            sql=sql,
            sql_path=called(self._root, sql_path),
            cases=self._cases(sources, columns),
            path=node.path,
            line=1,
            line_of_readers=node.key_lines["readers"],
        )

    def _sources(self, node: Node) -> Mapping[str, Source]:
        found: dict[str, Source] = {}
        for key, value in node.entries("sources").items():
            if not _IDENTIFIER.fullmatch(key):
                raise node.fault_at(key, f"{key!r} is not a table's name", "Use lower-case letters, digits and _.")
            entry = value.fields(("product", "in"))
            product = entry["product"].text("a product")
            if product not in self._contracts:
                raise entry["product"].fault(f"no pipeline makes {product!r}", advise(product, self._contracts))
            within = declared_selector(entry["in"], self._organization)
            found[key] = Source(key, product, within, node.path, node.key_lines[key])
        if not found:
            raise node.fault("the view reads nothing", "Name at least one source.")
        return found

    def _readers(self, node: Node) -> tuple[str, ...]:
        readers = node.texts("account/role")
        for item in node.items("account/role"):
            said = _READER.fullmatch(str(item.value))
            if not said:
                raise item.fault(f"{item.value!r} is not a reader", "Write an account and a role: analytics/analyst.")
            if said[1] not in self._organization.accounts:
                raise item.fault(f"no account is called {said[1]!r}", advise(said[1], self._organization.accounts))
        return readers

    def _columns(self, node: Node) -> Mapping[str, str]:
        columns = {}
        for key, value in node.entries("columns and what they mean").items():
            if not _IDENTIFIER.fullmatch(key):
                raise node.fault_at(key, f"{key!r} is not a column's name", "Use lower-case letters, digits and _.")
            columns[key] = value.text("what the column means")
        if not columns:
            raise node.fault("no column is documented", "Say what each column of the answer means, in its order.")
        return columns

    def _cases(self, sources: Mapping[str, Source], columns: Mapping[str, str]) -> tuple[Case, ...]:
        room = f"{ROOM}/{self._folder.name}/cases"
        return tuple(self._case(path, sources, columns) for path in files(self._root, room, ".yaml", (".yml",)))

    def _case(self, path: Path, sources: Mapping[str, Source], columns: Mapping[str, str]) -> Case:
        node = read_room(self._root, path, "Write the case there.")
        entry = node.fields(("name", "given", "expect"))
        given_nodes = entry["given"].fields(tuple(sources))
        given = {}
        for source, rows in given_nodes.items():
            known = (SILO, *(column.name for column in self._contracts[sources[source].product].columns))
            given[source] = tuple(_row(row, known, f"the source {source}") for row in rows.items("rows"))
            for row_node, row in zip(rows.items("rows"), given[source], strict=True):
                if row.get(SILO) is None:
                    raise row_node.fault("the row does not say which silo it is from", "Add silo: with a silo's name.")
        expected = tuple(_row(row, tuple(columns), "the view") for row in entry["expect"].items("rows"))
        for row_node, row in zip(entry["expect"].items("rows"), expected, strict=True):
            if set(row) != set(expected[0]):
                odd = ", ".join(sorted(set(row) ^ set(expected[0])))
                raise row_node.fault(
                    f"this row and the first one differ in columns: {odd}", "Name the same ones in all."
                )
        return Case(entry["name"].text("a sentence"), given, expected, node.path, 1)


def _row(node: Node, known: tuple[str, ...], what: str) -> Mapping[str, Plain]:
    row: dict[str, Plain] = {}
    for key, value in node.entries("columns and values").items():
        if key not in known:
            raise node.fault_at(key, f"{what} has no column {key!r}", advise(key, known))
        if isinstance(value.value, (tuple, Mapping)):
            raise value.fault(f"the value of {key} is not a single one", "Write a text, a number, true, false or null.")
        row[key] = value.value
    return row
