"""Deploy with CloudFormation.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.stacks import access, change_sets, requests
from silolake.localcloud.engines.cloudformation.stacks.records import Stack, find_stack
from silolake.localcloud.engines.codebuild.records import Artifact
from silolake.localcloud.engines.codepipeline.actions.acting import (
    Act,
    ActionFailed,
    Outcome,
    check_configuration,
    invalid_action,
    refused,
)
from silolake.localcloud.errors import AwsError, NotPlayed

_OPTIONAL = (
    "TemplatePath", "TemplateConfiguration", "ParameterOverrides", "RoleArn", "Capabilities", "ChangeSetName",
    "OutputFileName",
)  # fmt: skip
_NEEDS = {
    "CREATE_UPDATE": ("TemplatePath", "RoleArn"),
    "CHANGE_SET_REPLACE": ("TemplatePath", "ChangeSetName", "RoleArn"),
    "CHANGE_SET_EXECUTE": ("ChangeSetName",),
    "DELETE_ONLY": ("RoleArn",),
}
_WELL = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
_LONGEST_TEMPLATE = 1_000_000
_NOTHING = "No updates are to be performed."
_UNCHANGED = "The stack was as the template says."


class CloudFormation:
    """Creates, updates and deletes a stack, at once or through a change set."""

    inputs, outputs = (0, 10), (0, 1)

    def check(self, name: str, configuration: Mapping[str, str], inputs: list[str]) -> None:
        """The mode must be one that is played, and have what it needs. See ``Provider``."""
        mode = configuration.get("ActionMode", "")
        if mode == "REPLACE_ON_FAILURE":
            raise NotPlayed("codepipeline with the CloudFormation action mode REPLACE_ON_FAILURE")
        if mode not in _NEEDS:
            raise invalid_action(f"ActionMode of action '{name}' is not one of {', '.join(_NEEDS)}")
        check_configuration(name, configuration, ("ActionMode", "StackName", *_NEEDS[mode]), _OPTIONAL)
        for member in ("TemplatePath", "TemplateConfiguration"):
            artifact, _, path = configuration.get(member, "").partition("::")
            if configuration.get(member) and (artifact not in inputs or not path):
                raise invalid_action(f"{member} of action '{name}' must be InputArtifact::file; it has {inputs}")

    def begin(self, act: Act) -> str | Outcome:
        """Begin what the mode says. Writes. See ``Provider``."""
        present = _stack(act)
        # The token is kept with the stack in the same transaction as the work: what was begun before a kill is known.
        if present is not None and present.token == act.token:
            return present.id
        begins = {
            "CREATE_UPDATE": self._create_or_update,
            "CHANGE_SET_REPLACE": self._replace_change_set,
            "CHANGE_SET_EXECUTE": self._execute_change_set,
            "DELETE_ONLY": self._delete,
        }
        try:
            return begins[act.configuration["ActionMode"]](act, present)
        except AwsError as error:
            raise refused(error, "AmazonCloudFormation") from error

    def _create_or_update(self, act: Act, present: Stack | None) -> str | Outcome:
        try:
            if present is None:
                return str(_deploy(act, "CreateStack", requests.create))
            return str(_deploy(act, "UpdateStack", requests.update))
        except AwsError as error:
            if present is not None and error.message == _NOTHING:
                return _ended_well(act, present.id, _UNCHANGED)
            raise

    def _replace_change_set(self, act: Act, present: Stack | None) -> Outcome:
        name = act.configuration["ChangeSetName"]
        named = {"StackName": act.configuration["StackName"], "ChangeSetName": name}
        is_new = present is None or present.status == "REVIEW_IN_PROGRESS"
        if present is not None:
            act.ask("cloudformation:DeleteChangeSet", named)
        more = {"ChangeSetName": name, "ChangeSetType": "CREATE" if is_new else "UPDATE"}
        _deploy(act, "CreateChangeSet", change_sets.make_change_set, more)
        found = act.ask("cloudformation:DescribeChangeSet", named)
        return Outcome(summary=f"Change set {name} was created. {found.get('StatusReason', '')}".strip())

    def _execute_change_set(self, act: Act, present: Stack | None) -> str | Outcome:
        named = {key: act.configuration[key] for key in ("StackName", "ChangeSetName")}
        found = act.ask("cloudformation:DescribeChangeSet", named)
        if found["Status"] == "FAILED" and "didn't contain changes" in found.get("StatusReason", ""):
            return _ended_well(act, found["StackId"], _UNCHANGED)
        act.ask("cloudformation:ExecuteChangeSet", {**named, "ClientRequestToken": act.token})
        return str(found["StackId"])

    def _delete(self, act: Act, present: Stack | None) -> str | Outcome:
        if present is None:
            return Outcome(summary="There was no such stack.")
        role = {"RoleARN": act.configuration["RoleArn"]} if act.configuration.get("RoleArn") else {}
        act.ask("cloudformation:DeleteStack", {"StackName": present.id, "ClientRequestToken": act.token, **role})
        return present.id

    def look(self, act: Act, external: str) -> Outcome | None:
        """How the work on the stack ended. See ``Provider``."""
        present = _stack(act, external)
        if present is not None and present.is_busy:
            return None
        try:
            (stack,) = act.ask("cloudformation:DescribeStacks", {"StackName": external})["Stacks"]
            if stack["StackStatus"] not in _WELL:
                raise ActionFailed("JobFailed", _why(act, stack))
            return _ended_well(act, external, "")
        except AwsError as error:
            raise refused(error, "AmazonCloudFormation") from error


def _stack(act: Act, name: str = "") -> Stack | None:
    with act.cloud.store.read() as connection:
        return find_stack(connection, act.role.account, act.region, name or act.configuration["StackName"])


def _deploy(
    act: Act, operation: str, perform: Callable[[Call, str], Any], more: Mapping[str, Any] | None = None
) -> Any:
    """Ask for a stack or change set, its template brought along: it may be longer than a request's body."""
    configuration = act.configuration
    template = act.file(configuration["TemplatePath"])
    if len(template.encode()) > _LONGEST_TEMPLATE:
        raise ActionFailed("ConfigurationError", f"A template may not exceed {_LONGEST_TEMPLATE} bytes.")
    parameters, tags = _settings(act)
    capabilities = [each.strip() for each in configuration.get("Capabilities", "").split(",") if each.strip()]
    asked: dict[str, Any] = {
        "StackName": configuration["StackName"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": capabilities,
        "ClientRequestToken": act.token,
        **(more or {}),
    }
    if tags:
        asked["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if configuration.get("RoleArn"):
        asked["RoleARN"] = configuration["RoleArn"]
    call = act.call(f"cloudformation:{operation}", asked)
    act.cloud.require(call, access.deploying(call))
    return perform(call, template)


def _settings(act: Act) -> tuple[dict[str, str], dict[str, str]]:
    """Parameters and tags; those given with the action win over those of the template's configuration file."""
    said: dict[str, Any] = {}
    if place := act.configuration.get("TemplateConfiguration"):
        said = _json(act.file(place), place)
        if unknown := said.keys() - {"Parameters", "Tags"}:
            raise NotPlayed(f"codepipeline with {sorted(unknown)[0]} in a template's configuration file")
    overrides = _json(act.configuration.get("ParameterOverrides") or "{}", "ParameterOverrides")
    parameters = {**said.get("Parameters", {}), **{key: _value(act, each) for key, each in overrides.items()}}
    return {key: str(value) for key, value in parameters.items()}, said.get("Tags", {})


def _json(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ActionFailed("ConfigurationError", f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ActionFailed("ConfigurationError", f"{where} is not a JSON object")
    return found


def _value(act: Act, given: Any) -> str:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-parameter-override-functions.html"""
    match given:
        case {"Fn::GetArtifactAtt": [str(name), str(attribute)]} if name in act.inputs:
            artifact = act.inputs[name]
            url = f"https://s3.{act.region}.amazonaws.com/{artifact.bucket}/{artifact.key}"
            known = {"BucketName": artifact.bucket, "ObjectKey": artifact.key, "URL": url}
            if attribute in known:
                return known[attribute]
        case {"Fn::GetParam": [str(name), str(file), str(key)]}:
            found = _json(act.file(f"{name}::{file}"), file)
            if key in found:
                return str(found[key])
        case str() | int() | float():
            return str(given)
    raise ActionFailed("ConfigurationError", f"ParameterOverrides cannot be understood: {json.dumps(given)}")


def _ended_well(act: Act, stack_id: str, summary: str) -> Outcome:
    """The stack's outputs become the action's variables, and a file where the action makes one."""
    (stack,) = act.ask("cloudformation:DescribeStacks", {"StackName": stack_id})["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
    for artifact in act.outputs:
        _put_outputs(act, artifact, outputs)
    return Outcome(summary=summary or f"Stack {stack['StackName']} is {stack['StackStatus']}", variables=outputs,
                   outputs=act.outputs)  # fmt: skip


def _put_outputs(act: Act, artifact: Artifact, outputs: Mapping[str, str]) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(act.configuration.get("OutputFileName") or "outputs.json", json.dumps(outputs))
    act.put(artifact, made.getvalue())


def _why(act: Act, stack: Mapping[str, Any]) -> str:
    """What ended a stack's work badly: the first resource that failed says it best, if the role may read it."""
    try:
        events = act.ask("cloudformation:DescribeStackEvents", {"StackName": stack["StackId"]})["StackEvents"]
    except AwsError:
        events = []
    ours = [each for each in events if each.get("ClientRequestToken") == act.token]
    failed = [each for each in ours if each["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in each]
    first = f": {failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}" if failed else ""
    return f"Stack {stack['StackName']} ended in {stack['StackStatus']}{first}"
