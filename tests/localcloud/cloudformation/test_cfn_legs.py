"""The resource types that bring code to silos: made, changed, rolled back and removed by a stack."""

from __future__ import annotations

from typing import Any

from cfn_desk import Desk, a_role, template

SPEC = "version: 0.2\nphases: {build: {commands: ['true']}}\n"
BUILDER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def a_project(name: str | None = "ship", **more: Any) -> dict[str, Any]:
    properties = {
        "Source": {"Type": "NO_SOURCE", "BuildSpec": SPEC},
        "Artifacts": {"Type": "NO_ARTIFACTS"},
        "Environment": {
            "Type": "LINUX_CONTAINER",
            "Image": "aws/codebuild/standard:7.0",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "EnvironmentVariables": [{"Name": "LAKE", "Value": "nyc"}],
        },
        "ServiceRole": {"Fn::GetAtt": ["Role", "Arn"]},
        **({"Name": name} if name else {}),
        **more,
    }
    return {"Type": "AWS::CodeBuild::Project", "Properties": properties}


def with_builder(**resources: Any) -> dict[str, Any]:
    return template(Role=a_role("builder", AssumeRolePolicyDocument=BUILDER), **resources)


def the_project(desk: Desk, name: str = "ship") -> dict[str, Any]:
    found: dict[str, Any] = desk.ask("codebuild:BatchGetProjects", names=[name])["projects"][0]
    return found


def test_a_project_is_made_changed_in_place_and_removed(desk: Desk) -> None:
    desk.create("s", with_builder(Project=a_project(TimeoutInMinutes="15", Description="one")))
    assert desk.statuses("s")["Project"] == "CREATE_COMPLETE", desk.reasons("s")
    made = the_project(desk)
    assert (made["timeoutInMinutes"], made["source"]["buildspec"]) == (15, SPEC)
    assert made["environment"]["environmentVariables"] == [{"name": "LAKE", "value": "nyc", "type": "PLAINTEXT"}]
    assert {"key": "aws:cloudformation:stack-name", "value": "s"} in made["tags"]
    assert desk.update("s", with_builder(Project=a_project()))["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    changed = the_project(desk)
    assert (changed["timeoutInMinutes"], changed.get("description", "")) == (60, "")
    assert changed["created"] == made["created"]
    desk.update("s", with_builder(Project=a_project("boat")))
    assert desk.resources("s")["Project"] == "boat"
    assert desk.ask("codebuild:ListProjects")["projects"] == ["boat"]
    desk.delete("s")
    assert desk.ask("codebuild:ListProjects")["projects"] == []


def test_a_project_that_cannot_be_is_rolled_back(desk: Desk) -> None:
    source = {"Type": "GITHUB", "Location": "https://github.com/a/b"}
    stack = desk.create("s", with_builder(Project=a_project(Source=source)))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("does not play codebuild:CreateProject with source type GITHUB" in each for each in desk.reasons("s"))
    assert desk.ask("codebuild:ListProjects")["projects"] == []
    desk.create("t", with_builder(Project=a_project()))
    failed = desk.update("t", with_builder(Project=a_project(TimeoutInMinutes=1)))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert the_project(desk)["timeoutInMinutes"] == 60


def test_a_project_without_a_name_is_named_after_its_stack_and_answers_its_arn(desk: Desk) -> None:
    body = with_builder(Project=a_project(None))
    body["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["Project", "Arn"]}}}
    stack = desk.create("s", body)
    name = desk.resources("s")["Project"]
    assert name.startswith("s-Project-")
    assert stack["Outputs"][0]["OutputValue"] == the_project(desk, name)["arn"]


FETCHER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def a_pipeline(name: str | None = "leg", key: str = "bundle.zip", **more: Any) -> dict[str, Any]:
    def action(name: str, kind: tuple[str, str], configuration: dict[str, Any], **artifacts: Any) -> dict[str, Any]:
        kinds = {"Category": kind[0], "Owner": "AWS", "Provider": kind[1], "Version": 1}
        return {"Name": name, "ActionTypeId": kinds, "Configuration": configuration, **artifacts}

    fetched = [{"Name": "Source"}]
    properties = {
        "RoleArn": {"Fn::GetAtt": ["Fetcher", "Arn"]},
        "ArtifactStore": {"Type": "S3", "Location": {"Ref": "Store"}},
        "Stages": [
            {"Name": "Fetch", "Actions": [action(
                "Source", ("Source", "S3"),
                {"S3Bucket": {"Ref": "Store"}, "S3ObjectKey": key, "PollForSourceChanges": False},
                OutputArtifacts=fetched,
            )]},
            {"Name": "Verify", "Actions": [action(
                "Build", ("Build", "CodeBuild"), {"ProjectName": {"Ref": "Project"}}, InputArtifacts=fetched,
                RunOrder="1", Namespace="built",
            )]},
        ],
        **({"Name": name} if name else {}),
        **more,
    }  # fmt: skip
    return {"Type": "AWS::CodePipeline::Pipeline", "Properties": properties}


def with_fetcher(**resources: Any) -> dict[str, Any]:
    project = a_project(Source={"Type": "CODEPIPELINE", "BuildSpec": SPEC}, Artifacts={"Type": "CODEPIPELINE"})
    return with_builder(
        Fetcher=a_role("fetcher", AssumeRolePolicyDocument=FETCHER),
        Store={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "leg-store"}},
        Project=project,
        **resources,
    )


def test_a_pipeline_is_made_changed_in_place_and_removed(desk: Desk) -> None:
    desk.create("s", with_fetcher(Pipeline=a_pipeline(Tags=[{"Key": "lake", "Value": "nyc"}])))
    assert desk.statuses("s")["Pipeline"] == "CREATE_COMPLETE", desk.reasons("s")
    found = desk.ask("codepipeline:GetPipeline", name="leg")
    source, build = (stage["actions"][0] for stage in found["pipeline"]["stages"])
    assert source["configuration"] == {
        "S3Bucket": "leg-store", "S3ObjectKey": "bundle.zip", "PollForSourceChanges": "false"
    }  # fmt: skip
    assert (build["runOrder"], build["namespace"], build["configuration"]) == (1, "built", {"ProjectName": "ship"})
    arn = found["metadata"]["pipelineArn"]
    tags = desk.ask("codepipeline:ListTagsForResource", resourceArn=arn)["tags"]
    assert {"key": "lake", "value": "nyc"} in tags
    desk.update("s", with_fetcher(Pipeline=a_pipeline(key="other.zip")))
    assert desk.ask("codepipeline:GetPipeline", name="leg")["pipeline"]["version"] == 2, desk.reasons("s")
    assert "lake" not in {each["key"] for each in desk.ask("codepipeline:ListTagsForResource", resourceArn=arn)["tags"]}
    desk.update("s", with_fetcher(Pipeline=a_pipeline(key="other.zip", Tags=[{"Key": "lake", "Value": "osl"}])))
    tags = desk.ask("codepipeline:ListTagsForResource", resourceArn=arn)["tags"]
    assert {"key": "lake", "value": "osl"} in tags
    assert desk.ask("codepipeline:GetPipeline", name="leg")["pipeline"]["version"] == 2, "only its tags have changed"
    desk.update("s", with_fetcher(Pipeline=a_pipeline("other")))
    assert [each["name"] for each in desk.ask("codepipeline:ListPipelines")["pipelines"]] == ["other"]
    desk.delete("s")
    assert desk.ask("codepipeline:ListPipelines")["pipelines"] == []


def test_a_pipeline_that_cannot_be_is_rolled_back_to_what_it_was(desk: Desk) -> None:
    desk.create("s", with_fetcher(Pipeline=a_pipeline()))
    wrong = a_pipeline()
    wrong["Properties"]["Stages"][1]["Actions"][0]["ActionTypeId"] = {
        "Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"
    }  # fmt: skip
    assert desk.update("s", with_fetcher(Pipeline=wrong))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("the action type Approval/AWS/Manual/1" in each for each in desk.reasons("s"))
    kept = desk.ask("codepipeline:GetPipeline", name="leg")["pipeline"]
    assert kept["stages"][1]["actions"][0]["actionTypeId"]["provider"] == "CodeBuild"
    unnamed = desk.create("t", template(**{
        **with_fetcher(Pipeline=a_pipeline(None, Stages=[]))["Resources"],
        "Role": a_role("builder-2", AssumeRolePolicyDocument=BUILDER),
        "Fetcher": a_role("fetcher-2", AssumeRolePolicyDocument=FETCHER),
        "Store": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "leg-store-2"}},
        "Project": a_project("ship-2"),
    }))  # fmt: skip
    assert unnamed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [each["name"] for each in desk.ask("codepipeline:ListPipelines")["pipelines"]] == ["leg"]


STARTER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def a_schedule(name: str | None = "nightly", **more: Any) -> dict[str, Any]:
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:codebuild:startBuild",
        "RoleArn": {"Fn::GetAtt": ["Starter", "Arn"]},
        "Input": {"Fn::Sub": '{"ProjectName": "${Project}"}'},
    }
    properties = {
        "ScheduleExpression": "cron(0 6 * * ? *)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
        **({"Name": name} if name else {}),
        **more,
    }
    return {"Type": "AWS::Scheduler::Schedule", "Properties": properties}


def with_starter(**resources: Any) -> dict[str, Any]:
    starter = a_role("starter", AssumeRolePolicyDocument=STARTER)
    return with_builder(Starter=starter, Project=a_project(), **resources)


def test_a_schedule_is_made_changed_in_place_and_removed(desk: Desk) -> None:
    body = with_starter(Schedule=a_schedule(StartDate="2026-01-01T00:00:00Z", Description="one"))
    body["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["Schedule", "Arn"]}}}
    stack = desk.create("s", body)
    assert desk.statuses("s")["Schedule"] == "CREATE_COMPLETE", desk.reasons("s")
    shown = desk.ask("scheduler:GetSchedule", Name="nightly")
    assert stack["Outputs"][0]["OutputValue"] == shown["Arn"]
    assert (shown["Target"]["Input"], shown["StartDate"].year) == ('{"ProjectName": "ship"}', 2026)
    desk.update("s", with_starter(Schedule=a_schedule(State="DISABLED", ScheduleExpressionTimezone="Europe/Rome")))
    shown = desk.ask("scheduler:GetSchedule", Name="nightly")
    assert (shown["State"], shown["ScheduleExpressionTimezone"]) == ("DISABLED", "Europe/Rome")
    assert not {"Description", "StartDate"} & shown.keys()
    desk.update("s", with_starter(Schedule=a_schedule("hourly")))
    assert [each["Name"] for each in desk.ask("scheduler:ListSchedules")["Schedules"]] == ["hourly"]
    desk.delete("s")
    assert desk.ask("scheduler:ListSchedules")["Schedules"] == []


def test_a_schedule_lies_in_its_stacks_group(desk: Desk) -> None:
    def body(**tags: str) -> dict[str, Any]:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        group = {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "lake", "Tags": listed}}
        return with_starter(Group=group, Schedule=a_schedule(None, GroupName={"Ref": "Group"}))

    desk.create("s", body(lake="nyc"))
    (listed,) = desk.ask("scheduler:ListSchedules")["Schedules"]
    assert listed["GroupName"] == "lake", desk.reasons("s")
    assert listed["Name"].startswith("s-Schedule-")
    assert desk.update("s", body(stage="dev"))["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    arn = desk.ask("scheduler:GetScheduleGroup", Name="lake")["Arn"]
    tags = {each["Key"]: each["Value"] for each in desk.ask("scheduler:ListTagsForResource", ResourceArn=arn)["Tags"]}
    assert (tags["stage"], "lake" in tags) == ("dev", False)
    desk.delete("s")
    assert [each["Name"] for each in desk.ask("scheduler:ListScheduleGroups")["ScheduleGroups"]] == ["default"]


def test_a_schedule_that_cannot_be_is_rolled_back_to_what_it_was(desk: Desk) -> None:
    stack = desk.create("s", with_starter(Schedule=a_schedule(ScheduleExpression="daily")))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("write cron" in each for each in desk.reasons("s"))
    desk.create("t", with_starter(Schedule=a_schedule()))
    wrong = a_schedule(FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5})
    assert desk.update("t", with_starter(Schedule=wrong))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert desk.ask("scheduler:GetSchedule", Name="nightly")["FlexibleTimeWindow"] == {"Mode": "OFF"}
    failed = desk.update("t", with_starter(Schedule=a_schedule(StartDate="tomorrow")))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("'tomorrow' is no date and time" in each for each in desk.reasons("t"))
