"""Documents that IAM would refuse are refused, with the line and the element."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silolake.iam import PolicyKind, PolicyMalformed, compile_policy, find_faults

from .world import load

FAULTS = load("faults.yaml")["faults"]
GOOD = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'


def text_of(case: dict[str, Any]) -> str:
    return case["text"] if "text" in case else json.dumps({"Version": "2012-10-17", "Statement": [case["statement"]]})


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["name"])
def test_a_bad_document_is_refused_with_its_place(case: dict[str, Any]) -> None:
    """The error names the file, the line, the element and the problem; pickling keeps it whole."""
    with pytest.raises(PolicyMalformed) as refused:
        compile_policy(text_of(case), PolicyKind(case["kind"]), "mine", "policies/mine.json")
    error = refused.value
    assert error.path == case["path"]
    assert case["problem"] in error.problem
    assert error.line == case.get("line", 1)
    assert str(error).startswith(f"policies/mine.json:{error.line}")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["name"])
def test_the_first_fault_found_is_the_one_raised(case: dict[str, Any]) -> None:
    """Careful reading tells the same fault first, and those behind it."""
    faults = find_faults(text_of(case), PolicyKind(case["kind"]), "policies/mine.json")
    assert faults[0].path == case["path"]
    assert [fault.path for fault in faults[1:]] == case.get("also", [])


def test_a_good_document_has_no_faults() -> None:
    """Nothing is made up."""
    assert find_faults(GOOD, PolicyKind.IDENTITY, "mine.json") == ()


def test_an_object_is_refused_without_a_line() -> None:
    """Where there is no text there are no lines; the policy's name stands for the file."""
    with pytest.raises(PolicyMalformed) as refused:
        compile_policy({"Statement": [{"Effect": "Allow"}]}, PolicyKind.IDENTITY, "mine")
    assert refused.value.line == 0
    assert str(refused.value) == "mine, Statement[0]: Action is missing. Write Action"


def test_what_json_cannot_say_is_refused() -> None:
    """An object that is no JSON is a malformed policy, not a crash."""
    with pytest.raises(PolicyMalformed, match="cannot be said in JSON"):
        compile_policy({"Statement": {1, 2}}, PolicyKind.IDENTITY, "mine")


def test_one_content_is_compiled_once() -> None:
    """The same text of the same policy is the same value."""
    assert compile_policy(GOOD, PolicyKind.IDENTITY, "a") is compile_policy(GOOD, PolicyKind.IDENTITY, "a")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    """Whatever stands in a document, it is refused with a fault."""
    assert find_faults(text, PolicyKind.RESOURCE, "fuzz")


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=3))
def test_a_good_text_that_was_spoilt_is_read_as_json_is(at: int, put: str) -> None:
    """What Python's own reader refuses, ours refuses; what ours accepts, it accepts."""
    spoilt = GOOD[:at] + put + GOOD[at + 1 :]
    try:
        json.loads(spoilt)
    except ValueError:
        assert find_faults(spoilt, PolicyKind.IDENTITY, "fuzz")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Version",
                        "Statement",
                        "Effect",
                        "Action",
                        "Resource",
                        "Principal",
                        "Condition",
                        "AWS",
                        "StringLike",
                        "Bool",
                        "s3:prefix",
                    ]
                ),
                each,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_no_value_breaks_the_compiling(value: Any) -> None:
    """Every JSON value is compiled or refused as malformed."""
    for kind in PolicyKind:
        try:
            compile_policy({"Version": "2012-10-17", "Statement": value}, kind, "fuzz")
        except PolicyMalformed as error:
            assert error.problem
