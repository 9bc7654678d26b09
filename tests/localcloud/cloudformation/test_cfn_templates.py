"""Templates, held to tables of cases: add a case, add a line."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from cfn_desk import Desk, a_role, template
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from silolake.localcloud.engines.cloudformation.sources import checked_template
from silolake.localcloud.engines.cloudformation.templates.deployment import Deployment, Resources, StackName
from silolake.localcloud.engines.cloudformation.templates.parameters import settle
from silolake.localcloud.engines.cloudformation.templates.template import read_template
from silolake.localcloud.engines.cloudformation.templates.text import parse
from silolake.localcloud.engines.cloudformation.types.shapes import PropertiesInvalid, conform
from silolake.localcloud.errors import AwsError

CASES = Path(__file__).parents[2] / "cases" / "cloudformation"
STACK = StackName(
    "arn:aws:cloudformation:us-east-1:111111111111:stack/flights/1", "flights", "111111111111", "us-east-1"
)
EXPORTS = {"the-bucket": "exported-1"}


@functools.cache
def cases(name: str) -> list[dict[str, Any]]:
    """The table, read by the template reader itself: its cases may hold functions."""
    found: list[dict[str, Any]] = parse((CASES / name).read_text())
    return found


def named(name: str) -> Any:
    return pytest.mark.parametrize("case", cases(name), ids=lambda case: str(case["name"]))


def _known(attribute_of: str = "Data") -> Resources:
    return Resources(
        lambda name: {"Data": "data-1"}[name],
        lambda name, attribute: {(attribute_of, "Arn"): "arn:aws:s3:::data-1"}[name, attribute],
        lambda name: EXPORTS[name],
    )


@named("functions.yaml")
def test_a_function_answers(case: dict[str, Any]) -> None:
    document = {
        "Parameters": case.get("parameters", {}),
        "Mappings": case.get("mappings", {}),
        "Conditions": case.get("conditions", {}),
        "Resources": {"Data": {"Type": "AWS::S3::Bucket"}},
    }
    read = read_template(json.dumps(document))
    deployment = Deployment(read, settle(read.parameters, [], {}), STACK)

    def answer() -> Any:
        return deployment.evaluate(parse(f"value: {case['value']}")["value"], _known())

    if "refused" in case:
        with pytest.raises(AwsError) as refused:
            answer()
        assert case["refused"] in refused.value.message
    else:
        assert answer() == case["is"]


@named("refused_templates.yaml")
def test_a_template_is_refused_before_anything_is_made(case: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        checked_template(case["body"])
    assert case["words"] in refused.value.message
    assert refused.value.code in ("ValidationError", "NotPlayed")


@named("parameters.yaml")
def test_a_parameter_takes_a_value_or_says_why_not(case: dict[str, Any]) -> None:
    def value() -> str:
        body = {"Parameters": {"P": case["declared"]}, "Resources": {"A": {"Type": "AWS::IAM::Role"}}}
        given = [{"ParameterKey": "P", "ParameterValue": case["given"]}] if "given" in case else []
        return settle(read_template(json.dumps(body)).parameters, given, {})["P"]

    if "words" in case:
        with pytest.raises(AwsError) as refused:
            value()
        assert case["words"] in refused.value.message
    else:
        assert value() == case["is"]


def test_a_parameter_that_the_template_does_not_declare_is_refused() -> None:
    with pytest.raises(AwsError, match=r"Parameters: \[Q\] do not exist in the template"):
        settle({}, [{"ParameterKey": "Q", "ParameterValue": "1"}], {})


def test_yaml_and_json_say_the_same() -> None:
    """Short forms and long forms are one."""
    properties = "{Path: !Sub ['${X}', {X: !Select [0, !Split [':', !GetAtt B.Arn]]}]}"
    short = f"Resources:\n  A:\n    Type: AWS::IAM::Role\n    Properties: {properties}\n"
    split = {"Fn::Split": [":", {"Fn::GetAtt": ["B", "Arn"]}]}
    path = {"Fn::Sub": ["${X}", {"X": {"Fn::Select": [0, split]}}]}
    assert parse(short) == {"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"Path": path}}}}
    assert parse(json.dumps(parse(short))) == parse(short)


JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab01:-é ", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), JSON_VALUES, min_size=1, max_size=4))
def test_any_json_document_is_read_as_it_stands(document: dict[str, Any]) -> None:
    """A JSON text is also YAML, so both readers must agree."""
    assert parse(json.dumps(document)) == document
    assert parse("value:\n  " + json.dumps(document)) == {"value": document}
    assert YAML(typ="safe", pure=True).load(json.dumps(document)) == document


def test_scalars_become_what_the_type_wants_and_nothing_else() -> None:
    shape = {"Days": int, "On": bool, "Name": str, "Rate": float}
    assert conform({"Days": "7", "On": "true", "Name": 7, "Rate": "1.5"}, shape) == {
        "Days": 7,
        "On": True,
        "Name": "7",
        "Rate": 1.5,
    }
    for wrong in ({"Days": "seven"}, {"Days": True}, {"On": "yes"}, {"Name": {}}, {"Rate": []}):
        with pytest.raises(PropertiesInvalid):
            conform(wrong, shape)


def test_a_condition_leaves_its_resource_out_and_nothing_may_need_it(desk: Desk) -> None:
    body = {
        "Parameters": {"Stage": {"Type": "String", "AllowedValues": ["dev", "prod"]}},
        "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Resources": {
            "Always": a_role("always"),
            "Sometimes": {**a_role("sometimes"), "Condition": "IsProd"},
        },
        "Outputs": {"Name": {"Condition": "IsProd", "Value": {"Ref": "Sometimes"}}},
    }
    stage = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    assert desk.create("stages", body, Parameters=stage)["Outputs"] == []
    assert set(desk.resources("stages")) == {"Always"}
    stage = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    outputs = desk.update("stages", body, Parameters=stage)["Outputs"]
    assert outputs == [{"OutputKey": "Name", "OutputValue": "sometimes"}]
    del body["Outputs"]["Name"]["Condition"]  # type: ignore[attr-defined]
    stage = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    error = desk.refused(
        "UpdateStack",
        StackName="stages",
        TemplateBody=json.dumps(body),
        Parameters=stage,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert "Unresolved resource dependencies [Sometimes] in the Outputs block" in error.message


def test_a_secret_parameter_is_shown_masked(desk: Desk) -> None:
    body = {
        "Parameters": {"Word": {"Type": "String", "NoEcho": True}},
        "Resources": {"Role": a_role(Description={"Ref": "Word"})},
    }
    stack = desk.create("quiet", body, Parameters=[{"ParameterKey": "Word", "ParameterValue": "sesame"}])
    assert stack["Parameters"] == [{"ParameterKey": "Word", "ParameterValue": "****"}]
    assert desk.ask("iam:GetRole", RoleName="worker")["Role"]["Description"] == "sesame"


def test_a_body_over_the_limit_is_refused(desk: Desk) -> None:
    body = json.dumps(template(Role=a_role())) + " " * 51_200
    assert "less than or equal to 51200" in desk.refused("CreateStack", StackName="s", TemplateBody=body).message


def test_a_summary_says_what_a_template_needs(desk: Desk) -> None:
    body = {
        "Description": "d",
        "Parameters": {"P": {"Type": "String", "AllowedValues": ["a"]}},
        **template(Role=a_role()),
    }
    summary = desk.ask("GetTemplateSummary", TemplateBody=json.dumps(body))
    assert (summary["ResourceTypes"], summary["Capabilities"]) == (["AWS::IAM::Role"], ["CAPABILITY_NAMED_IAM"])
    assert summary["Parameters"] == [
        {
            "ParameterKey": "P",
            "NoEcho": False,
            "ParameterType": "String",
            "ParameterConstraints": {"AllowedValues": ["a"]},
        }
    ]
    assert desk.ask("ValidateTemplate", TemplateBody=json.dumps(body))["Description"] == "d"
