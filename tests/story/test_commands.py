"""The command: a sentence of help for each word, JSON for programs, and exit codes that tell the truth."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from silolake.cli import cli
from silolake.cli.words import SENTENCES
from silolake.errors import WrongState
from silolake.runner.journal import Journal
from silolake.workspace import Workspace

from .conftest import Lake
from .workspaces import make_workspace, silolake

COMMANDS = tuple(cli.list_commands(click.Context(cli)))
PROMISED = {
    "up", "down", "status", "reset", "env", "doctor", "init", "bootstrap", "plan", "apply", "run", "runs", "query",
    "why", "demo",
}  # fmt: skip


def command(name: str) -> click.Command:
    """A command, opened."""
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def flat(text: str) -> str:
    """A text without its line breaks and indents."""
    return " ".join(text.split())


def test_every_promised_command_is_there() -> None:
    """Those that the README and the design name."""
    assert set(COMMANDS) >= PROMISED


def test_help_lists_every_command_with_its_sentence(tmp_path: Path) -> None:
    """As a person sees it, anywhere."""
    lines = [line.split(None, 1) for line in silolake(tmp_path, "--help").stdout.splitlines()]
    listed = {line[0]: line[1] for line in lines if len(line) == 2 and line[0] in COMMANDS}
    assert set(listed) == set(COMMANDS)
    assert all(sentence[0].isupper() for sentence in listed.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_begins_with_its_sentence(name: str) -> None:
    """It is the sentence that the list shows, and every option has words of its own."""
    listed = flat(CliRunner().invoke(cli, ["--help"]).output)
    said = CliRunner().invoke(cli, [name, "--help"])
    assert said.exit_code == 0
    sentence = (command(name).help or "").split("\n")[0]
    assert sentence.endswith(".")
    assert sentence in listed
    assert sentence in flat(said.output)
    for option in command(name).params:
        if isinstance(option, click.Option):
            assert option.help or option.show_default, option.name


@pytest.mark.parametrize("name", ["list", "show"])
def test_a_command_below_runs_has_its_sentence(name: str) -> None:
    """runs list, runs show."""
    said = CliRunner().invoke(cli, ["runs", name, "--help"])
    assert said.exit_code == 0
    assert ". " in said.output or ".\n" in said.output


@pytest.mark.parametrize("words", [["none-such"], ["plan", "--none-such"], ["run"], ["runs", "show"]])
def test_a_word_that_is_no_command_is_a_usage_error(words: list[str]) -> None:
    """Exit code 2, as every command line has it."""
    assert CliRunner().invoke(cli, words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("status",), 3, "down"),
        (("plan",), 1, "silolake up"),
        (("apply",), 1, "silolake up"),
        (("run", "cross_silo_views/company_report"), 1, "silolake up"),
        (("query", "SELECT 1"), 1, "silolake up"),
        (("why",), 1, "silolake up"),
        (("env",), 1, "silolake up"),
        (("doctor",), 1, "silolake up"),
    ],
)
def test_without_a_local_cloud_a_command_says_what_to_do(
    tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    """And does not trace."""
    done = silolake(make_workspace(tmp_path), *words, check=False)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("plan",), ("apply",), ("query", "SELECT 1"), ("runs",)])
def test_outside_a_workspace_a_command_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    """No silolake.yaml here or above."""
    done = silolake(tmp_path, *words, check=False)
    assert done.returncode == 1
    assert "silolake.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.xdist_group("lake")
@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (("plan",), list),
        (("apply",), list),
        (("bootstrap",), dict),
        (("demo",), dict),
        (("lint",), list),
        (("status",), dict),
        (("runs",), list),
        (("runs", "list"), list),
        (("why", "--limit", "3"), list),
        (("doctor",), list),
        (("env",), dict),
        (("query", "SELECT count(*) AS n FROM delay_causes"), list),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_json_is_json_and_nothing_else(lake: Lake, words: tuple[str, ...], shape: type) -> None:
    """Where a command takes --json, standard output is one value."""
    assert isinstance(json.loads(lake.silolake(*words, "--json").stdout), shape)


def test_up_init_down_and_reset_too(tmp_path: Path) -> None:
    """Standard output is one value each time, also where there is nothing to do."""
    told = []
    for words in (
        ("init", ".", "--lake", "mine"),
        ("reset",),
        ("up", "--port", "0"),
        ("down",),
        ("down",),
        ("reset", "--all", "--yes"),
    ):
        told.append(json.loads(silolake(tmp_path, *words, "--json").stdout))
    laid, nothing, up, down, no_more, reset = told
    assert laid["lake"] == "mine"
    assert up["https"].startswith("https://127.0.0.1:")
    assert (nothing["removed"], down["stopped"], no_more["stopped"], reset["removed"]) == (False, True, False, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json(name: str) -> None:
    found = command(name)
    below = found.commands.values() if isinstance(found, click.Group) else ()
    for each in (found, *below):
        assert "--json" in [word for option in each.params for word in option.opts], each.name


def test_json_before_the_word_is_a_usage_error() -> None:
    """It would otherwise be passed over in silence."""
    assert CliRunner().invoke(cli, ["runs", "--json", "list"]).exit_code == 2


@pytest.mark.xdist_group("lake")
def test_a_run_that_is_not_there_or_not_alone_is_told_as_such(lake: Lake) -> None:
    known = [each["run"] for each in json.loads(lake.silolake("runs", "--json").stdout)]
    unknown = lake.silolake("runs", "show", "zzz", check=False)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no run 'zzz'" in unknown.stderr and "none" not in unknown.stderr
    several = lake.silolake("runs", "show", "", check=False)
    assert several.returncode == 1
    assert f"{len(known)} runs begin with ''" in several.stderr and "Give more of the id" in several.stderr


@pytest.mark.xdist_group("lake")
def test_an_account_that_is_not_there_is_one_sentence_after_the_other(lake: Lake) -> None:
    said = lake.silolake("env", "--as", "foo/analyst", check=False).stderr
    assert "There is no account 'foo'. silolake status" in said


@pytest.mark.xdist_group("lake")
def test_the_demo_waits_for_nobody_and_does_not_apply_beside_another(lake: Lake) -> None:
    """It takes the lease that apply takes."""
    with Journal(lake.as_("platform", "runner"), lake.bucket("platform", "state")).alone("apply"):
        done = lake.silolake("demo", check=False)
    assert done.returncode == 1
    assert "the lease apply is held by" in done.stderr
    assert "4. Deliveries" not in done.stdout


@pytest.mark.xdist_group("lake")
def test_a_verb_for_what_it_is_not_for_says_so(lake: Lake) -> None:
    """A pipeline in an account that it leaves out; head office as a silo. Nothing is asked of either account."""
    workspace = Workspace(lake.rooms, lake.as_("platform", "runner"))
    with pytest.raises(WrongState, match=r"the pipeline planes is for .*, and ewr is not among these"):
        workspace.validate("ewr", "planes")
    with pytest.raises(WrongState, match="analytics is no silo"):
        workspace.enroll("analytics")


@pytest.mark.xdist_group("lake")
def test_status_tells_where_it_answers(lake: Lake) -> None:
    """For programs the addresses, for people a sentence."""
    told = json.loads(lake.silolake("status", "--json").stdout)
    assert told["up"] is True
    assert told["https"] == lake.endpoint.https
    assert told["pid"] == lake.endpoint.pid
    assert lake.silolake("status").stdout.startswith(f"up at {lake.endpoint.https}")


@pytest.mark.xdist_group("lake")
def test_query_prints_a_table_or_csv(lake: Lake) -> None:
    """The rows on standard output; what was scanned beside it."""
    sql = "SELECT origin, count(*) AS flights FROM delay_causes GROUP BY origin ORDER BY origin"
    shown = lake.silolake("query", sql)
    assert "120835" in shown.stdout
    assert "bytes scanned" in shown.stderr
    printed = lake.silolake("query", sql, "--csv").stdout
    assert printed.splitlines() == ["origin,flights", "EWR,120835", "JFK,111279", "LGA,104662"]


@pytest.mark.xdist_group("lake")
def test_a_query_that_fails_is_exit_code_1_with_athenas_words(lake: Lake) -> None:
    """Nothing stands on standard output."""
    done = lake.silolake("query", "SELECT nothing FROM delay_causes", "--json", check=False)
    assert done.returncode == 1
    assert "COLUMN_NOT_FOUND" in done.stderr
    assert done.stdout == ""


@pytest.mark.xdist_group("lake")
def test_a_run_that_is_asked_for_wrongly_is_not_begun(lake: Lake) -> None:
    """Told before a kernel starts, and no run stands in the journal for it."""
    before = lake.silolake("runs", "list", "--json").stdout
    for words, told in (
        (("cross_silo_views/company_report", "-p", "nothing=1"), "it takes no parameter 'nothing'"),
        (("cross_silo_views/company_report", "-p", "late_after=soon"), "'late_after' is a int, not 'soon'"),
        (("provisioning/enroll_silo",), "'silo' must be given"),
        (("provisioning/enroll_silo", "-p", "silo"), "is no parameter"),
        (("none/such",), "there is no notebook"),
    ):
        done = lake.silolake("run", *words, check=False)
        assert done.returncode == 1
        assert told in done.stderr
    assert lake.silolake("runs", "list", "--json").stdout == before


@pytest.mark.xdist_group("lake")
def test_what_has_run_is_not_run_again_unless_it_is_asked_for(lake: Lake) -> None:
    """The same notebook, parameters and account: its record is told; with --again there is a second attempt."""
    words = ("run", "provisioning/enroll_silo", "-p", "silo=fleet", "--json")
    first = json.loads(lake.silolake(*words).stdout)
    assert json.loads(lake.silolake(*words).stdout) == first
    again = json.loads(lake.silolake(*words, "--again").stdout)
    assert (again["run"], again["attempt"], again["status"]) == (first["run"], first["attempt"] + 1, "completed")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_begins_its_help_with_its_sentence(name: str) -> None:
    """The list and the command say the same."""
    assert (command(name).help or "").splitlines()[0] == SENTENCES[name]
