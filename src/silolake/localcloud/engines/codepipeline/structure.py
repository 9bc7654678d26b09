"""What a pipeline may be: held to AWS's rules, and to the actions that are played. Pure.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from silolake.localcloud.engines.codepipeline.actions import PROVIDERS
from silolake.localcloud.engines.codepipeline.actions.acting import Provider, invalid_action
from silolake.localcloud.engines.codepipeline.variables import references
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile(r"[A-Za-z0-9.@\-_]{1,100}")
_ARTIFACT = re.compile(r"[A-Za-z0-9_\-]{1,100}")
_PIPELINE = ("name", "roleArn", "artifactStore", "stages", "version", "executionMode", "pipelineType", "variables")
_ACTION = (
    "name", "actionTypeId", "runOrder", "configuration", "outputArtifacts", "inputArtifacts", "roleArn", "region",
    "namespace",
)  # fmt: skip
_SET_BY_PIPELINE = ("codepipeline", "variables")
Declaration = Mapping[str, Any]


def invalid_structure(message: str) -> AwsError:
    """A pipeline that cannot be one."""
    return AwsError("InvalidStructureException", message)


def checked(declared: Declaration, region: str, operation: str) -> dict[str, Any]:
    """A pipeline's declaration as it is kept.

    Raises:
        AwsError: ``InvalidStructureException``, ``InvalidStageDeclarationException`` or
            ``InvalidActionDeclarationException``.
        NotPlayed: a type of action or a way of running that is not played.
    """
    _refuse_beside(declared, _PIPELINE, operation)
    if not _NAME.fullmatch(declared["name"]):
        raise AwsError("ValidationException", f"Pipeline name does not match {_NAME.pattern}: {declared['name']}")
    if not declared.get("artifactStore"):
        raise invalid_structure("Pipeline has no artifact store")
    variables = {each["name"] for each in declared.get("variables") or ()}
    if variables and declared.get("pipelineType") != "V2":
        raise invalid_structure("Pipeline variables are for pipelines of type V2")
    if len(declared["stages"]) < 2:
        raise invalid_structure(
            f"Pipeline has only {len(declared['stages'])} stage(s). There should be a minimum of 2 stages in a pipeline"
        )
    _unique([each["name"] for each in declared["stages"]], "stage")
    made: set[str] = set()
    namespaces: set[str] = set(_SET_BY_PIPELINE)
    for number, stage in enumerate(declared["stages"]):
        _check_stage(stage, number, operation)
        for group in run_orders(stage):
            for action in group:
                provider = provider_of(action, operation)
                _check_action(action, provider, (made, namespaces, variables), (region, operation))
            made |= {artifact for action in group for artifact in artifacts(action, "outputArtifacts")}
            namespaces |= {action["namespace"] for action in group if action.get("namespace")}
    every = [each for stage in declared["stages"] for each in stage["actions"]]
    _unique([name for action in every for name in artifacts(action, "outputArtifacts")], "output artifact")
    _unique([action["namespace"] for action in every if action.get("namespace")], "namespace")
    return {"executionMode": "SUPERSEDED", "pipelineType": "V1", **declared}


def run_orders(stage: Declaration) -> Iterator[list[Declaration]]:
    """A stage's actions in the order in which they run; those of one list run together."""
    numbers = sorted({int(each.get("runOrder") or 1) for each in stage["actions"]})
    for number in numbers:
        yield [each for each in stage["actions"] if int(each.get("runOrder") or 1) == number]


def provider_of(action: Declaration, operation: str) -> Provider:
    """Who performs an action.

    Raises:
        NotPlayed: nobody here.
    """
    kind = action["actionTypeId"]
    found = PROVIDERS.get((kind["category"], kind["owner"], kind["provider"], kind["version"]))
    if found is None:
        named = "/".join((kind["category"], kind["owner"], kind["provider"], kind["version"]))
        raise NotPlayed(f"codepipeline:{operation} with the action type {named}")
    return found


def artifacts(action: Declaration, member: str) -> list[str]:
    """The names of an action's input or output artifacts."""
    return [each["name"] for each in action.get(member) or ()]


def _check_stage(stage: Declaration, number: int, operation: str) -> None:
    _refuse_beside(stage, ("name", "actions"), operation)
    if not _NAME.fullmatch(stage["name"]):
        raise AwsError("InvalidStageDeclarationException", f"Stage name is not valid: {stage['name']}")
    if not stage["actions"]:
        raise AwsError("InvalidStageDeclarationException", f"Stage {stage['name']} has no actions")
    _unique([each["name"] for each in stage["actions"]], f"action of stage {stage['name']}")
    for action in stage["actions"]:
        if (action["actionTypeId"]["category"] == "Source") != (number == 0):
            raise invalid_structure(
                "Pipeline should start with a stage that only contains source actions, and no other stage may have any"
            )


def _check_action(
    action: Declaration,
    provider: Provider,
    known: tuple[Collection[str], Collection[str], Collection[str]],
    asked: tuple[str, str],
) -> None:
    made, namespaces, variables = known
    region, operation = asked
    _refuse_beside(action, _ACTION, operation)
    name = action["name"]
    if not _NAME.fullmatch(name):
        raise invalid_action(f"Action name is not valid: {name}")
    if action.get("region", region) != region:
        raise NotPlayed(f"codepipeline:{operation} with an action in another Region")
    inputs, outputs = artifacts(action, "inputArtifacts"), artifacts(action, "outputArtifacts")
    for many, (least, most), what in ((inputs, provider.inputs, "input"), (outputs, provider.outputs, "output")):
        if not least <= len(many) <= most:
            raise invalid_action(f"Action {name} has {len(many)} {what} artifacts; it takes {least} to {most}")
    for artifact in inputs:
        if artifact not in made:
            raise invalid_structure(f"Input artifact {artifact} of action {name} is made by no earlier action")
    for artifact in outputs:
        if not _ARTIFACT.fullmatch(artifact):
            raise invalid_action(f"Artifact name is not valid: {artifact}")
    configuration = action.get("configuration") or {}
    provider.check(name, configuration, inputs)
    for text in configuration.values():
        for namespace, variable in references(text):
            if namespace not in namespaces or (namespace == "variables" and variable not in variables):
                raise invalid_structure(
                    f"Action {name} refers to #{{{namespace}.{variable}}}, which nothing before sets"
                )


def _refuse_beside(given: Mapping[str, Any], played: Collection[str], operation: str) -> None:
    for member, value in given.items():
        if member not in played and value:
            raise NotPlayed(f"codepipeline:{operation} with {member}")


def _unique(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise invalid_structure(f"The name {twice[0]} is given to more than one {what}")
