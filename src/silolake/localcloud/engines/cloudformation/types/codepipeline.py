"""Pipelines.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CodePipeline.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    Act,
    Part,
    ResourceType,
    answering_id,
    asks,
    found_by,
    removed_by,
    tag_pairs,
)
from silolake.localcloud.engines.cloudformation.types.shapes import JSON, TAGS

_GONE = ("PipelineNotFoundException",)
_STORE = {"Type!": str, "Location!": str, "EncryptionKey": {"Id!": str, "Type!": str}}
_ACTION = {
    "Name!": str,
    "ActionTypeId!": {"Category!": str, "Owner!": str, "Provider!": str, "Version!": str},
    "Configuration": JSON,
    "InputArtifacts": [{"Name!": str}],
    "OutputArtifacts": [{"Name!": str}],
    "RunOrder": int,
    "RoleArn": str,
    "Region": str,
    "Namespace": str,
}


def _declaration(act: Act) -> dict[str, Any]:
    """The pipeline as the API spells it; the keys of configurations are the actions' own."""
    declared = _small({key: value for key, value in act.wanted.items() if key != "Tags"})
    return {**declared, "name": act.physical_id}


def _small(value: Any) -> Any:
    match value:
        case Mapping():
            return {
                _first_small(key): _texts(each) if key == "Configuration" else _small(each)
                for key, each in value.items()
            }
        case list():
            return [_small(each) for each in value]
        case _:
            return value


def _first_small(name: str) -> str:
    return name[0].lower() + name[1:]


def _texts(configuration: Mapping[str, Any]) -> dict[str, str]:
    """A configuration's values are texts; CloudFormation turns what a template writes otherwise into them."""
    return {key: each if isinstance(each, str) else json.dumps(each) for key, each in configuration.items()}


def _create(act: Act) -> None:
    tags = [{"key": each["Key"], "value": each["Value"]} for each in act.wanted.get("Tags", [])]
    act.ask("codepipeline:CreatePipeline", {"pipeline": _declaration(act), "tags": tags})


def _update(act: Act) -> None:
    act.ask("codepipeline:UpdatePipeline", {"pipeline": _declaration(act)})


def _tag(act: Act) -> None:
    arn = f"arn:aws:codepipeline:{act.region}:{act.account}:{act.physical_id}"
    put, gone = tag_pairs(act)
    if put:
        tags = [{"key": each["Key"], "value": each["Value"]} for each in put]
        act.ask("codepipeline:TagResource", {"resourceArn": arn, "tags": tags})
    if gone:
        act.ask("codepipeline:UntagResource", {"resourceArn": arn, "tagKeys": gone})


def _attributes(act: Act) -> dict[str, Any]:
    found = act.ask("codepipeline:GetPipeline", {"name": act.physical_id})
    return {"Version": str(found["pipeline"]["version"])}


PIPELINE = ResourceType(
    name="AWS::CodePipeline::Pipeline",
    shape={
        "Name": str,
        "RoleArn!": str,
        "ArtifactStore": _STORE,
        "Stages!": [{"Name!": str, "Actions!": [_ACTION]}],
        "ExecutionMode": str,
        "PipelineType": str,
        "Variables": [{"Name!": str, "DefaultValue": str, "Description": str}],
        "Tags": TAGS,
    },
    identify=lambda act: act.name("Name", 100),
    create=answering_id(_create),
    update=_update,
    find=found_by(asks("codepipeline:GetPipeline", name="@id"), *_GONE),
    delete=removed_by(asks("codepipeline:DeletePipeline", name="@id"), *_GONE),
    parts=(Part(("Tags",), _tag),),
    made_with=("Tags",),
    attributes=_attributes,
    attribute_names=("Version",),
    replaced_by=("Name",),
    has_tags=True,
)
