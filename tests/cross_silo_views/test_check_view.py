"""The rooms' check of a view's SQL says what is wrong, in which line of which file, and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ruamel.yaml import YAML
from view_desk import ROOT

from silolake.contracts import Contract
from silolake.cross_silo_views import check_view
from silolake.errors import RoomError
from silolake.rooms import Rooms

CASES = YAML(typ="safe").load((ROOT / "tests" / "cases" / "cross_silo_views" / "check.yaml").read_text())


def test_the_rooms_views_are_as_they_should_be(rooms: Rooms) -> None:
    for view in rooms.views.values():
        check_view(view, rooms.contracts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_wrong_with_a_view_is_told_with_its_line(rooms: Rooms, case: dict[str, Any]) -> None:
    view = rooms.views["delay_causes"]
    sql = case.get("sql", view.sql)
    for old, new in case.get("replace", {}).items():
        assert old in sql
        sql = sql.replace(old, new, 1)
    with pytest.raises(RoomError) as told:
        check_view(replace(view, sql=sql), rooms.contracts)
    assert case["says"] in str(told.value)
    assert told.value.path == case.get("file", view.sql_path)
    if "line" in case:
        assert told.value.line == case["line"]


def test_a_union_may_name_the_partition_columns_of_the_silos_own_tables(rooms: Rooms) -> None:
    """It reads those tables, which have them."""
    view = rooms.views["delay_causes"]
    sql = view.sql + "\nwhere f.flight_month = '2013-01'"
    check_view(replace(view, sql=sql, published="union"), rooms.contracts)
    with pytest.raises(RoomError, match="flight_month"):
        check_view(replace(view, sql=sql), rooms.contracts)


def test_a_product_with_a_column_called_silo_cannot_be_a_source(rooms: Rooms) -> None:
    """That column says in a view which silo a row lives in."""

    def named(contract: Contract) -> Contract:
        return replace(contract, columns=(replace(contract.columns[0], name="silo"), *contract.columns[1:]))

    contracts = {**rooms.contracts, "planes": named(rooms.contracts["planes"])}
    with pytest.raises(RoomError, match="the product planes has a column 'silo' of its own"):
        check_view(rooms.views["delay_causes"], contracts)
