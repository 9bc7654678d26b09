"""Reading texts strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silolake.contracts.lines import advise, read_json, read_yaml
from silolake.errors import RoomError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_json_reads_what_json_writes(value: object, indent: int | None) -> None:
    assert read_json(json.dumps(value, indent=indent), "p.json").plain() == value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "ends before the document does"),
        ('{"a": 1', 1, "comma or }"),
        ('{"a": [1,\n2\n', 3, "comma or ]"),
        ("{'a': 1}", 1, "where a key should be"),
        ('{\n"a" 1}', 2, "no colon"),
        ('{"a": tru}', 1, "is no value"),
        ('{"a": 01}', 1, "comma or }"),
        ('{"a": 1}\n{}', 2, "something follows"),
        ('{"a": "x\ny"}', 1, "is no value"),
        ("[1,\n2,\n]", 2, "a comma before ]"),
        ("// note\n{}", 1, "is no value"),
    ],
)
def test_what_is_no_json_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(RoomError) as caught:
        read_json(text, "p.json")
    assert caught.value.line == line
    assert says in caught.value.problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("012345678901", "012345678901"),
        ("2012-10-17", "2012-10-17"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("True", "True"),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("-3", -3),
        ("'3'", "3"),
        ("!!str 3", "3"),
        ("'true'", "true"),
        ("true", True),
        ("~", None),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    """Neither octals nor dates nor a country that is false."""
    assert read_yaml(f"a: {text}\n", "r.yaml").plain() == {"a": value}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: &x 2\nc: *x\n", 2, "anchor"),
        ("a: {b: 1}\n<<: {c: 1}\n", 2, "merge key"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: 1\n? [b]\n: 2\n", 2, "not a text"),
        ("# only a note\n", 0, "empty"),
        ("a: \x07\n", 0, "not YAML"),
    ],
)
def test_what_yaml_has_and_rooms_have_not(text: str, line: int, says: str) -> None:
    with pytest.raises(RoomError) as caught:
        read_yaml(text, "r.yaml")
    assert caught.value.line == line, str(caught.value)
    assert says in caught.value.problem


def test_a_collections_line_is_its_keys() -> None:
    root = read_yaml("a:\n  b: 1\n\nc:\n  - d: 2\n    e: 3\n", "r.yaml")
    entries = root.entries("x")
    assert (entries["a"].line, entries["c"].line) == (1, 4)
    item = entries["c"].items("x")[0]
    assert (item.line, item.key_lines) == (5, {"d": 5, "e": 6})


def test_advice_names_the_nearest_word_or_all_of_them() -> None:
    assert advise("reigon", ["lake", "region"]) == "Did you mean region?"
    assert advise("zzz", ["lake", "region"]) == "Known here: lake, region."
