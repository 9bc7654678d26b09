"""Pipelines fetch, build and deploy, each action as the pipeline's role."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from house import House, allow, document
from line import BUCKET_TEMPLATE, CODE, STORE, Line, action, build, deploy, source, zipped

WITH_PARAMETER = {
    "Parameters": {"Zone": {"Type": "String", "Default": "line-made"}},
    "Resources": {"Made": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Zone"}}}},
    "Outputs": {"Bucket": {"Value": {"Ref": "Made"}}},
}


def test_a_new_pipeline_fetches_builds_and_deploys(line: Line) -> None:
    """What is deployed is what the build passed on."""
    line.project("renames", "sed -i s/line-made/line-built/ template.json")
    template = {"configuration": {"TemplatePath": "Built::template.json"}, "ins": ["Built"]}
    found = line.create([source()], [build(project="renames")], [deploy(**template)])
    assert found["status"] == "Succeeded", line.states()
    assert found["trigger"]["triggerType"] == "CreatePipeline"
    assert "line-built" in line.buckets()
    assert line.stages() == {"Fetch": "Succeeded", "Second": "Succeeded", "Third": "Succeeded"}
    (revision,) = found["artifactRevisions"]
    newest = line.ask("s3:HeadObject", Bucket=CODE, Key="release/bundle.zip")["VersionId"]
    assert (revision["name"], revision["revisionId"]) == ("Source", newest)
    details = line.ask("ListActionExecutions", pipelineName="leg")["actionExecutionDetails"]
    assert [each["actionName"] for each in details] == ["Deploy", "Build", "Source"]
    assert details[1]["output"]["executionResult"]["externalExecutionId"].startswith("arn:aws:codebuild:")
    for output in details[2]["output"]["outputArtifacts"]:
        location = output["s3location"]
        content = line.ask("s3:GetObject", Bucket=location["bucket"], Key=location["key"])
        assert location["bucket"] == STORE
        assert content["ServerSideEncryption"] == "aws:kms"
        with zipfile.ZipFile(io.BytesIO(content["Body"].read())) as archive:
            assert archive.namelist() == ["template.json"]


def test_artifacts_are_sealed_with_the_pipelines_key(line: Line) -> None:
    key = line.ask("kms:CreateKey")["KeyMetadata"]["Arn"]
    found = line.create([source()], [build()], store={"encryptionKey": {"id": key, "type": "KMS"}})
    assert found["status"] == "Succeeded", line.states()
    for each in line.ask("s3:ListObjectsV2", Bucket=STORE)["Contents"]:
        assert line.ask("s3:HeadObject", Bucket=STORE, Key=each["Key"])["SSEKMSKeyId"] == key
    line.ask("kms:DisableKey", KeyId=key)
    assert line.run()["status"] == "Failed"
    assert "is disabled" in line.states()["Source"]


def test_a_second_execution_updates_and_one_without_a_change_is_well(line: Line) -> None:
    line.bundle(WITH_PARAMETER)
    line.create([source()], [deploy()])
    assert line.run()["status"] == "Succeeded", line.states()
    line.bundle({**WITH_PARAMETER, "Description": "changed", "Outputs": {}})
    assert line.run()["status"] == "Succeeded", line.states()
    assert line.stack() == "UPDATE_COMPLETE"


def test_an_earlier_version_is_rolled_back_to_by_its_version_id(line: Line) -> None:
    first = line.bundle({**BUCKET_TEMPLATE, "Outputs": {"A": {"Value": "first"}}})
    line.bundle({**BUCKET_TEMPLATE, "Outputs": {"A": {"Value": "second"}}})
    line.create([source()], [deploy()])
    revision = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": first}
    found = line.run(sourceRevisions=[revision])
    assert found["artifactRevisions"][0]["revisionId"] == first
    described = line.ask("cloudformation:DescribeStacks", StackName="line")["Stacks"][0]
    assert described["Outputs"][0]["OutputValue"] == "first"


def test_variables_go_from_action_to_action_and_come_with_the_start(line: Line) -> None:
    line.project("exports", "true")
    spec = (
        "version: 0.2\nenv: {exported-variables: [ZONE, SEEN]}\n"
        "phases: {build: {commands: ['export ZONE=line-$GIVEN']}}\n"
    )
    line.ask("codebuild:UpdateProject", name="exports", source={"type": "CODEPIPELINE", "buildspec": spec})
    line.bundle(WITH_PARAMETER)
    given = json.dumps(
        [{"name": "GIVEN", "value": "#{variables.zone}"}, {"name": "SEEN", "value": "#{source.VersionId}"}]
    )
    overrides = {"ParameterOverrides": '{"Zone": "#{built.ZONE}"}', "OutputFileName": "said.json"}
    found = line.create(
        [source(namespace="source")],
        [build(project="exports", namespace="built", configuration={"EnvironmentVariables": given}, out=[])],
        [deploy(configuration=overrides, out=["Said"], namespace="deployed")],
        [build("Check", ins=["Said"], out=[], configuration={
            "EnvironmentVariables": '[{"name": "A", "value": "#{deployed.Bucket} #{codepipeline.PipelineExecutionId}"}]'
        })],
        pipelineType="V2", variables=[{"name": "zone", "defaultValue": "usual"}],
    )  # fmt: skip
    assert found["status"] == "Succeeded", line.states()
    assert "line-usual" in line.buckets()
    second = line.run(variables=[{"name": "zone", "value": "other"}])
    assert second["variables"] == [{"name": "zone", "resolvedValue": "other"}]
    assert {"line-other"} <= line.buckets()
    details = line.ask("ListActionExecutions", pipelineName="leg")["actionExecutionDetails"]
    deployed = next(each for each in details if each["actionName"] == "Deploy")
    assert deployed["output"]["outputVariables"] == {"Bucket": "line-other"}
    builds = line.ask("codebuild:ListBuildsForProject", projectName="ship")["ids"]
    (build_,) = line.ask("codebuild:BatchGetBuilds", ids=builds[:1])["builds"]
    variables = {each["name"]: each["value"] for each in build_["environment"]["environmentVariables"]}
    assert variables == {"A": f"line-other {second['pipelineExecutionId']}"}
    assert build_["initiator"] == "codepipeline/leg"
    wrong = {"name": "leg", "variables": [{"name": "none", "value": "x"}]}
    assert line.code("StartPipelineExecution", **wrong) == "ValidationException"


def test_change_sets_are_made_and_executed(line: Line) -> None:
    named = {"configuration": {"ChangeSetName": "pending"}}
    groups = (
        [source()],
        [deploy("CHANGE_SET_REPLACE", "Prepare", **named, runOrder=1),
         deploy("CHANGE_SET_EXECUTE", "Execute", **named, runOrder=2)],
    )  # fmt: skip
    assert line.create(*groups)["status"] == "Succeeded", line.states()
    assert line.stack() == "CREATE_COMPLETE"
    assert line.run()["status"] == "Succeeded", line.states()
    line.bundle({**BUCKET_TEMPLATE, "Outputs": {"A": {"Value": "b"}}})
    assert line.run()["status"] == "Succeeded", line.states()
    assert line.stack() == "UPDATE_COMPLETE"


def test_a_stack_is_deleted_and_that_it_is_gone_is_well(line: Line) -> None:
    line.create([source()], [deploy()], [deploy("DELETE_ONLY", "Remove", ins=[])])
    assert line.states()["Remove"] == "Succeeded"
    assert "line-made" not in line.buckets()
    assert line.create([source()], [deploy("DELETE_ONLY", "Remove", ins=[])], name="again")["status"] == "Succeeded"


def test_parameters_come_from_a_file_of_the_bundle_and_are_overridden(line: Line) -> None:
    configuration = json.dumps({"Parameters": {"Zone": "line-of-file"}, "Tags": {"lake": "nyc"}})
    line.bundle(WITH_PARAMETER, **{"ewr.json": configuration, "more.json": '{"zone": "line-of-param"}'})
    of_file = {"TemplateConfiguration": "Source::ewr.json"}
    line.create([source()], [deploy(configuration=of_file)])
    assert "line-of-file" in line.buckets(), line.states()
    tags = line.ask("cloudformation:DescribeStacks", StackName="line")["Stacks"][0]["Tags"]
    assert tags == [{"Key": "lake", "Value": "nyc"}]
    overrides = json.dumps({"Zone": {"Fn::GetParam": ["Source", "more.json", "zone"]}})
    both = {**of_file, "ParameterOverrides": overrides, "StackName": "other"}
    line.create([source()], [deploy(configuration=both)], name="param")
    assert "line-of-param" in line.buckets(), line.states("param")
    at = json.dumps({"Zone": {"Fn::GetArtifactAtt": ["Source", "BucketName"]}})
    line.create([source()], [deploy(configuration={"ParameterOverrides": at, "StackName": "third"})], name="att")
    assert "'line-artifacts' already exists" in line.states("att")["Deploy"]


@pytest.mark.parametrize(
    ("groups", "failing", "words"),
    [
        (([source(key="none")], [build()]), "Source", "NoSuchKey"),
        (([source(bucket=STORE)], [build()]), "Source", "not versioned"),
        (([source()], [build(project="breaks")]), "Build", "JobFailed Build terminated with state: FAILED: COMMAND"),
        (([source()], [build(project="none")]), "Build", "Project cannot be found"),
        (([source()], [deploy(configuration={"TemplatePath": "Source::none.json"})]), "Deploy",
         "File [none.json] does not exist in artifact [Source]"),
        (([source()], [deploy(configuration={"TemplatePath": "Source::bad.json"})]), "Deploy", "Template format error"),
        (([source()], [deploy(configuration={"TemplatePath": "Source::owned.json"})]), "Deploy",
         "JobFailed Stack line ended in ROLLBACK_COMPLETE: Made:"),
        (([source()], [deploy(configuration={"RoleArn": "arn:aws:iam::@me:role/none"})]), "Deploy", "none"),
        (([source()], [deploy(configuration={"ParameterOverrides": "["})]), "Deploy", "is not JSON"),
    ],
)  # fmt: skip
def test_what_fails_is_failed_in_words(line: Line, groups: Any, failing: str, words: str) -> None:
    line.project("breaks", "exit 1")
    owned = {"Resources": {"Made": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": STORE}}}}
    line.bundle(BUCKET_TEMPLATE, **{"bad.json": "{", "owned.json": json.dumps(owned)})
    groups = json.loads(json.dumps(groups).replace("@me", line.me.account))
    found = line.create(*groups)
    assert found["status"] == "Failed"
    assert line.states()[failing].startswith("Failed ")
    assert words in line.states()[failing]
    assert "line-made" not in line.buckets()


def test_actions_of_one_run_order_go_together_and_the_next_waits_for_them(line: Line) -> None:
    line.project("breaks", "exit 1")
    line.create(
        [source()],
        [build("Good", out=[]), build("Bad", project="breaks", out=[]), build("Late", out=[], runOrder=2)],
    )
    assert line.states()["Good"] == "Succeeded"
    assert line.states()["Bad"].startswith("Failed")
    assert line.states()["Late"] == ""
    assert line.stages() == {"Fetch": "Succeeded", "Second": "Failed"}


def test_a_stage_that_failed_is_tried_again(line: Line) -> None:
    """Only what failed, unless all is asked for; what it fetched stays as it was fetched."""
    marker = line.house.cloud.directory / "marker"
    line.project("once", f"test -e {marker}")
    found = line.create([source()], [build("Good", out=[]), build("Bad", project="once", out=[])])
    identity = found["pipelineExecutionId"]
    retry = {"pipelineName": "leg", "stageName": "Second", "pipelineExecutionId": identity}
    assert line.code("RetryStageExecution", **retry | {"stageName": "Fetch"}, retryMode="FAILED_ACTIONS") == (
        "StageNotRetryableException"
    )
    assert (
        line.code("RetryStageExecution", **retry | {"stageName": "X"}, retryMode="ALL_ACTIONS")
        == "StageNotFoundException"
    )
    marker.touch()
    line.ask("RetryStageExecution", **retry, retryMode="FAILED_ACTIONS")
    assert line.over(identity)["status"] == "Succeeded", line.states()
    assert len(line.ask("codebuild:ListBuildsForProject", projectName="ship")["ids"]) == 1
    assert len(line.ask("codebuild:ListBuildsForProject", projectName="once")["ids"]) == 2
    line.run()
    assert line.code("RetryStageExecution", **retry, retryMode="ALL_ACTIONS") == "NotLatestPipelineExecutionException"


def test_an_execution_is_stopped_after_what_goes_on_or_abandoned(line: Line) -> None:
    gate = line.house.cloud.directory / "gate"
    line.project("waits", f"while ! test -e {gate}; do sleep 0.02; done")
    line.ask("CreatePipeline", pipeline=line.declared([source()], [build(project="waits")], [deploy()]))
    (first,) = line.executions()
    line.until(lambda: line.states()["Build"] == "InProgress")
    stop = {"pipelineName": "leg", "pipelineExecutionId": first, "reason": "enough"}
    line.ask("StopPipelineExecution", **stop)
    assert line.look(first)["status"] == "Stopping"
    assert line.stages()["Second"] == "Stopping"
    assert line.code("StopPipelineExecution", **stop) == "DuplicatedStopRequestException"
    gate.touch()
    assert line.over(first)["status"] == "Stopped"
    assert line.states()["Build"] == "Succeeded"
    assert line.states()["Deploy"] == ""
    gate.unlink()
    second = line.ask("StartPipelineExecution", name="leg")["pipelineExecutionId"]
    line.until(lambda: line.states()["Build"] == "InProgress")
    line.ask("StopPipelineExecution", **stop | {"pipelineExecutionId": second}, abandon=True)
    assert line.look(second)["status"] == "Stopped"
    assert line.states()["Build"] == "Abandoned"
    assert line.code("StopPipelineExecution", **stop) == "PipelineExecutionNotStoppableException"
    gate.touch()


@pytest.mark.parametrize(("mode", "statuses"), [
    ("SUPERSEDED", ["Succeeded", "Superseded", "Succeeded"]),
    ("QUEUED", ["Succeeded", "Succeeded", "Succeeded"]),
    ("PARALLEL", ["Succeeded", "Succeeded", "Succeeded"]),
])  # fmt: skip
def test_executions_get_along_as_the_mode_says(line: Line, mode: str, statuses: list[str]) -> None:
    gate = line.house.cloud.directory / "gate"
    line.project("waits", f"while ! test -e {gate}; do sleep 0.02; done")
    body = line.declared([source()], [build(project="waits", out=[])], pipelineType="V2", executionMode=mode)
    line.ask("CreatePipeline", pipeline=body)
    (first,) = line.executions()
    line.until(lambda: line.states()["Build"] == "InProgress")
    later = []
    for number in range(2):
        later.append(line.ask("StartPipelineExecution", name="leg")["pipelineExecutionId"])

        def is_there(number: int = number) -> bool:
            waiting = line.ask("GetPipelineState", name="leg")["stageStates"][1].get("inboundExecution", {})
            going = line.ask("codebuild:ListBuildsForProject", projectName="waits")["ids"]
            return waiting.get("pipelineExecutionId") == later[number] or len(going) == number + 2

        line.until(is_there)
    gate.touch()
    assert [line.over(each)["status"] for each in (first, *later)] == statuses


def test_a_build_takes_several_artifacts_and_makes_several(line: Line) -> None:
    line.ask("s3:PutObject", Bucket=CODE, Key="words.zip", Body=zipped({"words": "of the second"}))
    line.project("joins", "true")
    spec = (
        "version: 0.2\nphases: {build: {commands: ['cat $CODEBUILD_SRC_DIR_Words/words > said', 'cp said other']}}\n"
        "artifacts: {secondary-artifacts: {Said: {files: [said]}, Other: {files: [other, template.json]}}}\n"
    )
    line.ask("codebuild:UpdateProject", name="joins", source={"type": "CODEPIPELINE", "buildspec": spec})
    second = source("Words", key="words.zip")
    found = line.create(
        [source(), {**second, "name": "Second"}],
        [
            build(
                project="joins",
                ins=["Source", "Words"],
                out=["Said", "Other"],
                configuration={"PrimarySource": "Source"},
            )
        ],
    )
    assert found["status"] == "Succeeded", line.states()
    details = line.ask("ListActionExecutions", pipelineName="leg")["actionExecutionDetails"]
    places = {each["name"]: each["s3location"] for each in details[0]["output"]["outputArtifacts"]}
    assert set(places) == {"Said", "Other"}

    def held(name: str) -> dict[str, bytes]:
        place = places[name]
        content = line.ask("s3:GetObject", Bucket=place["bucket"], Key=place["key"])["Body"].read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {each: archive.read(each) for each in archive.namelist()}

    assert held("Said") == {"said": b"of the second"}
    assert set(held("Other")) == {"other", "template.json"}
    body = line.declared([source(), {**second, "name": "Second"}], [build(ins=["Source", "Words"])], name="two")
    assert line.code("CreatePipeline", pipeline=body) == "InvalidActionDeclarationException"


def test_polling_starts_what_changed_and_once(line: Line) -> None:
    polls = source(configuration={"PollForSourceChanges": "true"})
    line.create([polls], [build(out=[])])

    def polled() -> int:
        """How many executions there are after a minute and a poll."""
        before = _due(line)
        line.house.days_pass(2 / 1440)
        line.until(lambda: _due(line) > before)
        return len(line.executions())

    assert polled() == 1
    version = line.bundle(BUCKET_TEMPLATE, more="x")
    assert polled() == 2
    found = line.over(line.executions()[0])
    assert found["trigger"]["triggerType"] == "PollForSourceChanges"
    assert found["artifactRevisions"][0]["revisionId"] == version
    assert polled() == 2
    line.run()
    assert polled() == 3
    line.ask("UpdatePipeline", pipeline=line.declared([source()], [build(out=[])]))
    line.bundle(BUCKET_TEMPLATE, more="y")
    assert _due(line) == ""


def _due(line: Line) -> str:
    with line.house.cloud.store.read() as connection:
        return connection.execute("SELECT min(due_at) FROM codepipeline_polls").fetchone()[0] or ""


def test_a_defect_of_the_local_cloud_fails_the_action_or_the_execution(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("silolake.localcloud.engines.codepipeline.actions.s3.S3Source.begin", lambda *_: 1 / 0)
    assert line.create([source()], [build(out=[])])["status"] == "Failed"
    assert "InternalError The local cloud broke down: ZeroDivisionError" in line.states()["Source"]
    monkeypatch.setattr("silolake.localcloud.engines.codepipeline.conducting.run_orders", lambda _: 1 / 0)
    found = line.run()
    assert (found["status"], "ZeroDivisionError" in found["statusSummary"]) == ("Failed", True)


def test_the_same_token_starts_one_execution(line: Line) -> None:
    line.create([source()], [build(out=[])])
    first = line.run(clientRequestToken="t")
    assert line.run(clientRequestToken="t")["pipelineExecutionId"] == first["pipelineExecutionId"]
    assert len(line.executions()) == 2


def test_an_action_has_a_role_of_its_own_which_the_pipelines_role_assumes(line: Line) -> None:
    role = line.house.make_role(line.me, "reader", allow(["s3:*", "kms:*"]))
    found = line.create([source(roleArn=role)], [build(out=[])])
    assert found["status"] == "Failed"
    assert "sts:AssumeRole" in line.states()["Source"]
    line.ask(
        "iam:PutRolePolicy", RoleName="silo-codepipeline-rl", PolicyName="more",
        PolicyDocument=document(allow("sts:AssumeRole", role)),
    )  # fmt: skip
    assert line.run()["status"] == "Succeeded", line.states()


def test_a_pipeline_is_changed_found_and_removed(line: Line) -> None:
    body = line.declared([source()], [build(out=[])])
    line.ask("CreatePipeline", pipeline=body, tags=[{"key": "lake", "value": "nyc"}])
    assert line.code("CreatePipeline", pipeline=body) == "PipelineNameInUseException"
    line.over(line.executions()[0])
    changed = line.declared([source()], [build("Other", out=[])])
    assert line.ask("UpdatePipeline", pipeline=changed)["pipeline"]["version"] == 2
    assert len(line.executions()) == 1
    found = line.ask("GetPipeline", name="leg")
    arn = f"arn:aws:codepipeline:us-east-1:{line.me.account}:leg"
    assert found["metadata"]["pipelineArn"] == arn
    assert found["pipeline"]["stages"][1]["actions"][0]["name"] == "Other"
    assert line.ask("GetPipeline", name="leg", version=1)["pipeline"]["stages"][1]["actions"][0]["name"] == "Build"
    assert line.code("GetPipeline", name="leg", version=9) == "PipelineVersionNotFoundException"
    assert line.ask("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "lake", "value": "nyc"}]
    assert [each["name"] for each in line.ask("ListPipelines")["pipelines"]] == ["leg"]
    line.ask("DeletePipeline", name="leg")
    assert line.ask("ListPipelines")["pipelines"] == []
    assert line.code("GetPipelineState", name="leg") == "PipelineNotFoundException"
    assert line.code("GetPipelineExecution", pipelineName="leg", pipelineExecutionId="x") == "PipelineNotFoundException"


def test_who_may_start_may_not_declare(house: House) -> None:
    line = Line(house, house.management).open().open_code()
    line.create([source()], [build(out=[])])
    arn = f"arn:aws:codepipeline:us-east-1:{line.me.account}:leg"
    starts = house.cloud.as_role(
        house.make_role(line.me, "starts", allow("codepipeline:StartPipelineExecution", arn)), "t"
    )
    assert house.code(starts, "codepipeline:StartPipelineExecution", name="leg") == ""
    assert house.code(starts, "codepipeline:StartPipelineExecution", name="other") == "AccessDeniedException"
    body = line.declared([source()], [build(out=[])], name="other")
    declares = house.cloud.as_role(house.make_role(line.me, "declares", allow("codepipeline:*")), "t")
    refused = house.refusal(declares, "codepipeline:CreatePipeline", pipeline=body)
    assert refused is not None and "iam:PassRole" in refused.message
    line.over(line.executions()[0])


TOO_MUCH = {
    "a deployment without a role": (
        [source()], [deploy(configuration={"RoleArn": ""})], "InvalidActionDeclarationException", "'RoleArn'"),
    "an action nobody plays": (
        [source()], [action("Approve", "Approval/Manual", {})], "NotPlayed", "Approval/AWS/Manual/1"),
    "a source that is not S3": (
        [action("Source", "Source/CodeCommit", {}, out=["Source"])], [build()], "NotPlayed", "Source/AWS/CodeCommit/1"),
    "a mode that is not played": ([source()], [deploy("REPLACE_ON_FAILURE")], "NotPlayed", "REPLACE_ON_FAILURE"),
    "a mode that is none": ([source()], [deploy("X")], "InvalidActionDeclarationException", "CREATE_UPDATE"),
    "a source later on": ([source()], [source("B")], "InvalidStructureException", "source actions"),
    "no source at first": ([build(ins=[])], [build()], "InvalidStructureException", "source actions"),
    "an artifact that nobody made": (
        [source()], [build(ins=["None"])], "InvalidStructureException", "None"),
    "an artifact made twice": (
        [source()], [build(out=["Source"])], "InvalidStructureException", "Source"),
    "a variable that nobody sets": (
        [source()], [build(configuration={"EnvironmentVariables": "#{a.B}"})], "InvalidStructureException", "#{a.B}"),
    "a configuration that is lacking": (
        [source()], [action("B", "Build/CodeBuild", {}, ins=["Source"])], "InvalidActionDeclarationException",
        "ProjectName"),
    "a configuration that is unknown": (
        [source(configuration={"X": "y"})], [build()], "InvalidActionDeclarationException", "'X'"),
    "no output": (
        [action("S", "Source/S3", {"S3Bucket": "b", "S3ObjectKey": "k"})], [build()],
        "InvalidActionDeclarationException", "output artifacts"),
    "another Region": ([source(region="eu-west-1")], [build()], "NotPlayed", "another Region"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOO_MUCH)
def test_what_a_pipeline_cannot_be(line: Line, case: str) -> None:
    first, second, code, words = TOO_MUCH[case]
    refused = line.house.refusal(line.me, "codepipeline:CreatePipeline", pipeline=line.declared(first, second))
    assert refused is not None
    assert (refused.code, words in refused.message) == (code, True), refused.message
    assert line.ask("ListPipelines")["pipelines"] == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"artifactStore": None, "artifactStores": {"us-east-1": {"type": "S3", "location": STORE}}}, "NotPlayed"),
        ({"triggers": [{"providerType": "CodeStarSourceConnection"}]}, "NotPlayed"),
        ({"variables": [{"name": "a"}]}, "InvalidStructureException"),
        ({"name": "a b"}, "ValidationException"),
        ({"roleArn": "arn:aws:iam::@me:role/deployer"}, "InvalidStructureException"),
        ({"roleArn": "arn:aws:iam::@me:role/none"}, "InvalidStructureException"),
    ],
)
def test_what_else_a_pipeline_cannot_say(line: Line, more: dict[str, Any], code: str) -> None:
    body = {**line.declared([source()], [build()]), **json.loads(json.dumps(more).replace("@me", line.me.account))}
    assert line.code("CreatePipeline", pipeline=body) == code


def test_one_stage_is_too_few(line: Line) -> None:
    assert line.code("CreatePipeline", pipeline=line.declared([source()])) == "InvalidStructureException"
