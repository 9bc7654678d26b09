"""Workgroups and data catalogs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Athena.html
"""

from __future__ import annotations

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
from silolake.localcloud.engines.cloudformation.types.shapes import TAGS, Keyed

# Athena has no error of its own for a workgroup or catalog that is not there.
_GONE = ("InvalidRequestException", "MetadataException")
_CONFIGURATION = {
    "EnforceWorkGroupConfiguration": bool,
    "EngineVersion": {"SelectedEngineVersion": str},
    "PublishCloudWatchMetricsEnabled": bool,
    "RequesterPaysEnabled": bool,
    "BytesScannedCutoffPerQuery": int,
    "ResultConfiguration": {
        "OutputLocation": str,
        "ExpectedBucketOwner": str,
        "EncryptionConfiguration": {"EncryptionOption!": str, "KmsKey": str},
    },
}


def _configure(act: Act) -> None:
    parameters: dict[str, Any] = {
        "WorkGroup": act.physical_id,
        "Description": act.wanted.get("Description", ""),
    }
    if "WorkGroupConfiguration" in act.wanted:
        parameters["ConfigurationUpdates"] = _updates(act)
    act.ask("athena:UpdateWorkGroup", parameters)


def _updates(act: Act) -> dict[str, Any]:
    """An update leaves alone what it does not mention, so what is gone is said to be."""
    updates = dict(act.wanted["WorkGroupConfiguration"])
    result = dict(updates.pop("ResultConfiguration", {}))
    had = act.before.get("WorkGroupConfiguration", {})
    for member in ("OutputLocation", "EncryptionConfiguration", "ExpectedBucketOwner"):
        if member in had.get("ResultConfiguration", {}) and member not in result:
            result[f"Remove{member}"] = True
    if "BytesScannedCutoffPerQuery" in had and "BytesScannedCutoffPerQuery" not in updates:
        updates["RemoveBytesScannedCutoffPerQuery"] = True
    if result:
        updates["ResultConfigurationUpdates"] = result
    return updates


def _set_state(act: Act) -> None:
    act.ask("athena:UpdateWorkGroup", {"WorkGroup": act.physical_id, "State": act.wanted.get("State", "ENABLED")})


def _tag(kind: str) -> Part:
    def apply(act: Act) -> None:
        arn = f"arn:aws:athena:{act.region}:{act.account}:{kind}/{act.physical_id}"
        put, gone = tag_pairs(act)
        if put:
            act.ask("athena:TagResource", {"ResourceARN": arn, "Tags": put})
        if gone:
            act.ask("athena:UntagResource", {"ResourceARN": arn, "TagKeys": gone})

    return Part(("Tags",), apply)


def _remove_workgroup(act: Act) -> None:
    parameters: dict[str, Any] = {"WorkGroup": act.physical_id}
    if "RecursiveDeleteOption" in act.wanted:
        parameters["RecursiveDeleteOption"] = act.wanted["RecursiveDeleteOption"]
    # Athena says InvalidRequestException both of a workgroup that is gone and of one that is not empty.
    if act.ask_if_there("athena:GetWorkGroup", {"WorkGroup": act.physical_id}, _GONE) is not None:
        act.ask("athena:DeleteWorkGroup", parameters)


WORKGROUP = ResourceType(
    name="AWS::Athena::WorkGroup",
    shape={
        "Name!": str,
        "Description": str,
        "State": str,
        "WorkGroupConfiguration": _CONFIGURATION,
        "RecursiveDeleteOption": bool,
        "Tags": TAGS,
    },
    identify=lambda act: str(act.wanted["Name"]),
    create=answering_id(
        asks("athena:CreateWorkGroup", "Description", "Tags", Name="@id", Configuration="WorkGroupConfiguration")
    ),
    update=_configure,
    find=found_by(asks("athena:GetWorkGroup", WorkGroup="@id"), *_GONE),
    delete=_remove_workgroup,
    parts=(Part(("State",), _set_state), _tag("workgroup")),
    made_with=("Tags",),
    replaced_by=("Name",),
    has_tags=True,
)

DATA_CATALOG = ResourceType(
    name="AWS::Athena::DataCatalog",
    shape={"Name!": str, "Type!": str, "Description": str, "Parameters": Keyed(str), "Tags": TAGS},
    identify=lambda act: str(act.wanted["Name"]),
    create=answering_id(asks("athena:CreateDataCatalog", "Type", "Description", "Parameters", "Tags", Name="@id")),
    update=asks("athena:UpdateDataCatalog", "Type", "Description", "Parameters", Name="@id"),
    find=found_by(asks("athena:GetDataCatalog", Name="@id"), *_GONE),
    delete=removed_by(asks("athena:DeleteDataCatalog", Name="@id"), *_GONE),
    parts=(_tag("datacatalog"),),
    made_with=("Tags",),
    replaced_by=("Name",),
    has_tags=True,
)
