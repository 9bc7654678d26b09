"""Build and Test with CodeBuild.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.engines.codebuild import build_operations
from silolake.localcloud.engines.codebuild.records import Handed, find_build
from silolake.localcloud.engines.codepipeline.actions.acting import (
    Act,
    ActionFailed,
    Outcome,
    check_configuration,
    invalid_action,
    refused,
)
from silolake.localcloud.errors import AwsError, NotPlayed


class CodeBuild:
    """Starts a build that takes the input artifacts and makes the output artifacts."""

    inputs, outputs = (1, 5), (0, 5)

    def check(self, name: str, configuration: Mapping[str, str], inputs: list[str]) -> None:
        """The project must be said, and which source is the primary one. See ``Provider``."""
        if configuration.get("BatchEnabled", "false") != "false":
            raise NotPlayed("codepipeline with a CodeBuild action and BatchEnabled")
        check_configuration(
            name, configuration, ("ProjectName",), ("PrimarySource", "EnvironmentVariables", "BatchEnabled")
        )
        if len(inputs) > 1 and configuration.get("PrimarySource") not in inputs:
            raise invalid_action(f"Action '{name}' has several input artifacts; PrimarySource must name one of them")
        if "#{" not in configuration.get("EnvironmentVariables", ""):
            _variables(name, configuration)

    def begin(self, act: Act) -> str:
        """Start the build. Writes. See ``Provider``."""
        primary = act.configuration.get("PrimarySource") or next(iter(act.inputs))
        others = [each for name, each in act.inputs.items() if name != primary]
        handed = Handed(f"codepipeline/{act.pipeline}", (act.inputs[primary], *others), act.outputs)
        asked: dict[str, Any] = {"projectName": act.configuration["ProjectName"], "idempotencyToken": act.token}
        if given := _variables("", act.configuration):
            asked["environmentVariablesOverride"] = given
        call = act.call("codebuild:StartBuild", asked)
        try:
            act.cloud.require(call, build_operations.on_named_project(call))
            return build_operations.begin(call, handed).arn
        except AwsError as error:
            raise refused(error, "AWSCodeBuild") from error

    def look(self, act: Act, external: str) -> Outcome | None:
        """How the build ended. See ``Provider``."""
        with act.cloud.store.read() as connection:
            known = find_build(connection, external)
        if known is None or not known.is_over:
            return None
        try:
            (build,) = act.ask("codebuild:BatchGetBuilds", {"ids": [external]})["builds"]
        except AwsError as error:
            raise refused(error, "AWSCodeBuild") from error
        if build["buildStatus"] != "SUCCEEDED":
            contexts = [each for phase in build["phases"] for each in phase.get("contexts", ()) if each["message"]]
            why = f": {contexts[0]['statusCode']} {contexts[0]['message']}" if contexts else ""
            raise ActionFailed("JobFailed", f"Build terminated with state: {build['buildStatus']}{why}")
        exported = {each["name"]: each["value"] for each in build["exportedEnvironmentVariables"]}
        return Outcome(variables=exported, outputs=act.outputs)


def _variables(name: str, configuration: Mapping[str, str]) -> list[dict[str, str]]:
    try:
        given = json.loads(configuration.get("EnvironmentVariables") or "[]")
        return [{"type": "PLAINTEXT", **{key: str(each[key]) for key in ("name", "value")}, **each} for each in given]
    except (ValueError, TypeError, KeyError) as error:
        raise invalid_action(
            f"EnvironmentVariables of action '{name}' are not a JSON list of names and values"
        ) from error
