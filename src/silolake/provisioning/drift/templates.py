"""The resources of a deployed stack, their properties as CloudFormation has evaluated them in that account.

Enough of the intrinsic functions for what service-managed stack sets may hold; a resource that uses another one is told
as not looked at. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{id}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{id}",
}


class NotEvaluated(Exception):
    """A property uses what is not evaluated here."""


@dataclass(frozen=True)
class Resource:
    """One resource of one stack.

    Attributes:
        account: the account's id.
        region: its Region.
        logical_id: its name in the template.
        type: ``AWS::S3::Bucket``.
        id: its physical id.
        properties: as evaluated.
    """

    account: str
    region: str
    logical_id: str
    type: str
    id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """A stack whose template is known.

    Attributes:
        account, region: where it stands.
        body: the template, as data.
        ids: the physical ids of its resources, by logical id.
    """

    account: str
    region: str
    body: Mapping[str, Any]
    ids: Mapping[str, str]

    def resource(self, logical_id: str) -> Resource:
        """One of its resources.

        Raises:
            NotEvaluated: its properties use what is not evaluated here.
        """
        declared = self.body["Resources"][logical_id]
        properties = self._value(declared.get("Properties", {}))
        return Resource(
            self.account, self.region, logical_id, declared["Type"], self.ids.get(logical_id, ""), properties
        )

    def _value(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)} if len(value) == 1:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), "Arn"]} if len(value) == 1:
                return self._arn(name)
            case {"Fn::GetAtt": str(text)} if len(value) == 1 and text.endswith(".Arn"):
                return self._arn(text.removesuffix(".Arn"))
            case {"Fn::Sub": str(text)} if len(value) == 1:
                return _VARIABLE.sub(self._variable, text)
            case {"Fn::Join": [str(between), list(parts)]} if len(value) == 1:
                return between.join(str(self._value(each)) for each in parts)
            case dict():
                if any(key.startswith("Fn::") for key in value):
                    raise NotEvaluated(", ".join(value))
                return {key: self._value(inner) for key, inner in value.items()}
            case list():
                return [self._value(each) for each in value]
            case _:
                return value

    def _variable(self, found: re.Match[str]) -> str:
        if found[1]:
            return f"${{{found[2]}}}"
        if found[2].endswith(".Arn"):
            return self._arn(found[2].removesuffix(".Arn"))
        return self._ref(found[2])

    def _ref(self, name: str) -> str:
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        if name in self.ids:
            return self.ids[name]
        default = self.body.get("Parameters", {}).get(name, {}).get("Default")
        if default is None:
            raise NotEvaluated(f"Ref {name}")
        return str(default)

    def _arn(self, name: str) -> str:
        declared = self.body["Resources"].get(name, {})
        if name not in self.ids:
            raise NotEvaluated(f"GetAtt {name}.Arn")
        if declared.get("Type") == "AWS::IAM::Role":
            path = self._value(declared.get("Properties", {}).get("Path", "/"))
            return f"arn:aws:iam::{self.account}:role{path}{self.ids[name]}"
        if declared.get("Type") not in _ARNS:
            raise NotEvaluated(f"GetAtt {name}.Arn")
        return _ARNS[declared["Type"]].format(id=self.ids[name], account=self.account, region=self.region)
