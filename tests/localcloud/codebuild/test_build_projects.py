"""Projects: who may make them, what they may be, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from house import House, allow, document, trusts
from site_of_builds import BUCKET, ENVIRONMENT, SERVICE, Site, spec

from silolake.localcloud.engines.codebuild.buildspec import BuildspecFault, read_buildspec


def test_a_project_is_made_changed_found_and_removed(site: Site) -> None:
    made = site.ask("CreateProject", **site.asked(description="one"))["project"]
    assert made["arn"] == f"arn:aws:codebuild:us-east-1:{site.me.account}:project/ship"
    assert (made["timeoutInMinutes"], made["cache"]) == (60, {"type": "NO_CACHE"})
    assert site.code("CreateProject", **site.asked()) == "ResourceAlreadyExistsException"
    changed = site.ask("UpdateProject", name="ship", timeoutInMinutes=7)["project"]
    assert (changed["timeoutInMinutes"], changed["description"]) == (7, "one")
    found = site.ask("BatchGetProjects", names=["ship", "none"])
    assert [each["name"] for each in found["projects"]] == ["ship"]
    assert found["projectsNotFound"] == ["none"]
    site.project(name="boat")
    assert site.ask("ListProjects")["projects"] == ["boat", "ship"]
    assert site.ask("ListProjects", sortOrder="DESCENDING")["projects"] == ["ship", "boat"]
    site.ask("DeleteProject", name="ship")
    assert site.ask("ListProjects")["projects"] == ["boat"]
    assert site.code("UpdateProject", name="ship") == "ResourceNotFoundException"
    assert site.code("StartBuild", projectName="ship") == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": "-"}, "InvalidInputException"),
        ({"source": {"type": "GITHUB", "location": "https://github.com/a/b"}}, "NotPlayed"),
        ({"source": {"type": "NO_SOURCE"}}, "InvalidInputException"),
        ({"source": {"type": "NO_SOURCE", "buildspec": "buildspec.yml"}}, "InvalidInputException"),
        ({"source": {"type": "S3", "location": "bucket"}}, "InvalidInputException"),
        ({"source": {"type": "S3", "location": "bucket/folder/"}}, "NotPlayed"),
        ({"source": {"type": "S3", "location": "b/k", "buildspec": "arn:aws:s3:::b/k"}}, "NotPlayed"),
        ({"source": {"type": "CODEPIPELINE"}}, "InvalidInputException"),
        ({"artifacts": {"type": "CODEPIPELINE"}}, "InvalidInputException"),
        ({"artifacts": {"type": "S3"}}, "InvalidInputException"),
        ({"artifacts": {"type": "S3", "location": "b", "overrideArtifactName": True}}, "NotPlayed"),
        ({"environment": {**ENVIRONMENT, "type": "WINDOWS_SERVER_2019_CONTAINER"}}, "NotPlayed"),
        ({"environment": {**ENVIRONMENT, "privilegedMode": True}}, "NotPlayed"),
        (
            {
                "environment": {
                    **ENVIRONMENT,
                    "environmentVariables": [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}],
                }
            },
            "NotPlayed",
        ),
        (
            {"environment": {**ENVIRONMENT, "environmentVariables": [{"name": "A B", "value": ""}]}},
            "InvalidInputException",
        ),
        ({"timeoutInMinutes": 4}, "InvalidInputException"),
        ({"cache": {"type": "S3", "location": "b/k"}}, "NotPlayed"),
        ({"vpcConfig": {"vpcId": "vpc-1"}}, "NotPlayed"),
        ({"secondarySources": [{"type": "S3", "location": "b/k"}]}, "NotPlayed"),
        ({"logsConfig": {"s3Logs": {"status": "ENABLED"}}}, "InvalidInputException"),
        ({"serviceRole": "arn:aws:iam::@me:role/none"}, "InvalidInputException"),
        ({"serviceRole": "arn:aws:iam::999999999999:role/none"}, "AccessDeniedException"),
    ],
)
def test_what_a_project_cannot_be(site: Site, wrong: dict[str, Any], code: str) -> None:
    if "serviceRole" in wrong:
        wrong = {"serviceRole": wrong["serviceRole"].replace("@me", site.me.account)}
    assert site.code("CreateProject", **{**site.asked(), **wrong}) == code
    assert site.ask("ListProjects")["projects"] == []


@pytest.mark.parametrize(
    ("trusted", "code"),
    [
        (trusts({"Service": "glue.amazonaws.com"}), "InvalidInputException"),
        (trusts(SERVICE), ""),
        (trusts(SERVICE, Condition={"StringEquals": {"aws:SourceAccount": "@me"}}), ""),
        (trusts(SERVICE, Condition={"StringEquals": {"aws:SourceAccount": "1"}}), "InvalidInputException"),
        (
            trusts(SERVICE, Condition={"ArnLike": {"aws:SourceArn": "arn:aws:codebuild:*:@me:project/ship"}}),
            "",
        ),
    ],
)
def test_codebuild_takes_no_role_that_does_not_trust_it(site: Site, trusted: dict[str, Any], code: str) -> None:
    trust = document(trusted).replace("@me", site.me.account)
    role = site.house.make_role(site.me, "other", allow("s3:*"), trust=trust)
    assert site.code("CreateProject", **site.asked(serviceRole=role)) == code


def test_a_role_is_handed_over_by_who_may_pass_it(site: Site) -> None:
    rights = [allow("codebuild:*")]
    maker = site.house.cloud.as_role(site.house.make_role(site.me, "maker", *rights), "t")
    refused = site.house.refusal(maker, "codebuild:CreateProject", **site.asked())
    assert refused is not None and "iam:PassRole" in refused.message
    to_glue = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    pass_wrong = site.house.make_role(site.me, "wrong", *rights, allow("iam:PassRole", Condition=to_glue))
    wrong = site.house.cloud.as_role(pass_wrong, "t")
    assert site.house.code(wrong, "codebuild:CreateProject", **site.asked()) == "AccessDeniedException"
    to_us = {"StringEquals": {"iam:PassedToService": "codebuild.amazonaws.com"}}
    passes = site.house.make_role(site.me, "right", *rights, allow("iam:PassRole", Condition=to_us))
    assert site.house.code(site.house.cloud.as_role(passes, "t"), "codebuild:CreateProject", **site.asked()) == ""


def test_starting_is_allowed_project_by_project(site: Site) -> None:
    site.project(name="ship"), site.project(name="boat")
    ship = f"arn:aws:codebuild:us-east-1:{site.me.account}:project/ship"
    starts = site.house.cloud.as_role(
        site.house.make_role(site.me, "starts", allow(["codebuild:StartBuild", "codebuild:BatchGetBuilds"], ship)), "t"
    )
    build = site.house.ask(starts, "codebuild:StartBuild", projectName="ship")["build"]["id"]
    assert site.house.code(starts, "codebuild:BatchGetBuilds", ids=[build]) == ""
    assert site.house.code(starts, "codebuild:StartBuild", projectName="boat") == "AccessDeniedException"
    assert site.house.code(starts, "codebuild:StopBuild", id=build) == "AccessDeniedException"
    site.over(build)


@pytest.mark.parametrize(
    ("override", "code"),
    [
        ({"sourceTypeOverride": "GITHUB"}, "NotPlayed"),
        ({"privilegedModeOverride": True}, "NotPlayed"),
        ({"debugSessionEnabled": True}, "NotPlayed"),
        ({"serviceRoleOverride": "arn:aws:iam::1:role/x"}, "NotPlayed"),
        ({"timeoutInMinutesOverride": 1}, "InvalidInputException"),
        ({"buildspecOverride": "other.yml"}, "InvalidInputException"),
        ({"projectName": "none"}, "ResourceNotFoundException"),
    ],
)
def test_what_a_start_cannot_ask(site: Site, override: dict[str, Any], code: str) -> None:
    assert site.code("StartBuild", **{"projectName": site.project(), **override}) == code


def test_a_start_may_say_otherwise(site: Site) -> None:
    site.put("text", b"x")
    name = site.project()
    other = spec("echo other", more="artifacts: {files: [made]}", install="commands: [touch made]")
    overridden = {"buildspecOverride": other,
                  "artifactsOverride": {"type": "S3", "location": BUCKET, "packaging": "ZIP", "name": "o.zip"},
                  "timeoutInMinutesOverride": 9}  # fmt: skip
    build = site.over(site.start(name, **overridden))
    assert (site.printed(build), build["timeoutInMinutes"]) == (["other"], 9)
    assert site.got("o.zip")


def test_a_pipelines_project_is_not_started_by_hand(site: Site) -> None:
    name = site.project(source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"})
    assert site.code("StartBuild", projectName=name) == "InvalidInputException"


def test_builds_are_listed_newest_first(site: Site) -> None:
    name = site.project()
    started = [site.start(name) for _ in range(3)]
    assert site.ask("ListBuilds")["ids"] == started[::-1]
    assert site.ask("ListBuildsForProject", projectName=name, sortOrder="ASCENDING")["ids"] == started
    assert site.code("ListBuildsForProject", projectName="none") == "ResourceNotFoundException"
    assert site.ask("BatchGetBuilds", ids=["ship-0:none"])["buildsNotFound"] == ["ship-0:none"]
    assert site.code("StopBuild", id="ship-0:none") == "ResourceNotFoundException"
    assert site.code("RetryBuild", id=started[0]) == "NotPlayed"
    for each in started:
        site.over(each)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not YAML"),
        ("[]", "buildspec must be a mapping"),
        ("version: 0.1\nphases: {}", "version must be 0.2"),
        ("version: 0.2", "phases must be a mapping"),
        ("version: 0.2\nphases: {deploy: {}}", "phases/deploy"),
        ("version: 0.2\nphases: {build: {commands: [{a: b}]}}", "list of texts"),
        ("version: 0.2\nphases: {build: {on-failure: RETRY-3}}", "on-failure RETRY-3"),
        ("version: 0.2\nphases: {build: {run-as: other}}", "run-as"),
        ("version: 0.2\nphases: {install: {runtime-versions: {nodejs: 20}}}", "runtime-versions/nodejs"),
        ("version: 0.2\nenv: {secrets-manager: {A: b}}\nphases: {}", "env/secrets-manager"),
        ("version: 0.2\nenv: {shell: powershell.exe}\nphases: {}", "env/shell powershell.exe"),
        ("version: 0.2\nenv: {exported-variables: ['A B']}\nphases: {}", "'A B'"),
        ("version: 0.2\nreports: {}\nphases: {}", "reports"),
        ("version: 0.2\nbatch: {}\nphases: {}", "batch"),
        ("version: 0.2\nphases: {}\nartifacts: {files: [a], s3-prefix: x}", "s3-prefix"),
    ],
)
def test_a_buildspec_says_only_what_is_played(text: str, words: str) -> None:
    with pytest.raises(BuildspecFault, match=words):
        read_buildspec(text)


def test_a_buildspec_is_read_whole() -> None:
    found = read_buildspec(
        "version: 0.2\nenv: {shell: bash, variables: {A: 1, B: true}}\n"
        "phases:\n  install: {runtime-versions: {python: 3.12}, commands: pip list}\n"
        "artifacts: {files: ['**/*'], secondary-artifacts: {one: {files: [a]}}}\ncache: {paths: [x]}\n"
    )
    assert found.shell == "/bin/bash"
    assert found.variables == {"A": "1", "B": "true"}
    assert found.phases["install"].commands == ("pip list",)
    assert found.runtimes == {"python": "3.12"}
    assert found.secondary["one"].files == ("a",)


def test_another_account_builds_nothing_here(organized: House) -> None:
    silo = organized.member("ewr")
    there = Site(organized, organized.management).open()
    arn = f"arn:aws:codebuild:us-east-1:{there.me.account}:project/{there.project()}"
    stranger = organized.admin(silo)
    assert organized.code(stranger, "codebuild:StartBuild", projectName=arn) == "AccessDeniedException"
