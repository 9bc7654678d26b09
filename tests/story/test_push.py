"""A push is how anything changes: from a clean clone, by Git itself; what it told is compared, what it did is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from silolake.cloud.queries import query
from silolake.errors import Denied

from .pushing import Clone, Pushed, served, until
from .small_lakes import ORGANIZATION

pytestmark = pytest.mark.xdist_group("pushing")

PROVISION = "provisioning/provision_organization"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, Pushed]]:
    """A lake that was brought about by its first push."""
    with served(tmp_path_factory.mktemp("pushing")) as clone:
        yield clone, clone.push()


@pytest.fixture
def clone(started: tuple[Clone, Pushed]) -> Clone:
    """Its clone, where the service's main is."""
    made, first = started
    assert first.code == 0, first.whole
    made.git("fetch", "--quiet", "lake")
    made.git("checkout", "--quiet", "-B", "main", "lake/main")
    return made


def test_the_first_push_brings_the_lake_about(started: tuple[Clone, Pushed]) -> None:
    """Its output is the checks, the plan, each run as it ends, and what came of it."""
    clone, first = started
    assert first.code == 0, first.whole
    assert first.lines[0] == "14 checks passed"
    assert "create the account ewr <ewr@nyc-lake.example> in silos" in first.plan_of(PROVISION)
    assert "4 runs" in first.lines
    enrolled = [f"completed: run provisioning/enroll_silo silo={silo} for platform" for silo in ("ewr", "fleet")]
    assert first.runs[0] == f"completed: run {PROVISION} for platform"
    assert sorted(first.runs[1:3]) == enrolled
    assert first.runs[3:] == ["completed: run cross_silo_views/publish_view view=delay_causes for analytics"]
    assert first.lines[-1].startswith("applied ")
    assert "analytics" in clone.lake.organization.accounts


def test_what_is_delivered_is_taken_without_anybodys_push(clone: Clone) -> None:
    """The watch finds it; head office reads it."""
    clone.lake.deliver_all()
    until(lambda: count(clone, "SELECT count(*) FROM cross_silo.delay_causes") == "300", "300 flights in the view")
    until(lambda: not pending(clone), "every occasion is settled")


def pending(clone: Clone) -> list[str]:
    """The occasions that are kept still."""
    platform, bucket = clone.lake.as_("platform", "runner"), clone.lake.bucket("platform", "state")
    listed = platform.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix="state/occasions/")
    return [each["Key"] for each in listed]


def count(clone: Clone, sql: str) -> str | None:
    """One value, as head office's analyst reads it."""
    answer = query(clone.lake.as_("analytics", "analyst"), sql, workgroup="lake", database="cross_silo")
    return answer.rows[0][0]


VIEW = """\
name: late_flights
owner: head-office
description: Flights that left an hour late or more.
sources:
  flights: {product: flights, in: "ou:silos"}
readers: [analytics/analyst]
published: partitioned_table
columns:
  silo: The airport's silo.
  flight: Flight number.
  dep_delay: Minutes late at departure.
"""
CASE = """\
name: an hour counts and less does not
given:
  flights:
    - {silo: ewr, flight: 1, dep_delay: 60}
    - {silo: ewr, flight: 2, dep_delay: 59}
expect:
  - {silo: ewr, flight: 1, dep_delay: 60}
"""


LATE = "select f.silo, f.flight, f.dep_delay from flights as f where f.dep_delay >= 60"


def add_view(clone: Clone, name: str, sql: str = LATE) -> None:
    """A view of its own, with its case."""
    folder = f"cross_silo_views/{name}"
    clone.write(f"{folder}/view.yaml", VIEW.replace("late_flights", name))
    clone.write(f"{folder}/view.sql", sql + "\n")
    clone.write(f"{folder}/cases/an_hour.yaml", CASE)


def test_a_new_view_is_planned_alone_published_and_undone_by_git_revert(clone: Clone) -> None:
    add_view(clone, "late_flights")
    clone.commit("Late flights")
    pushed = clone.push()
    assert pushed.code == 0, pushed.whole
    assert pushed.lines[:2] == ["15 checks passed", "run cross_silo_views/publish_view view=late_flights for analytics"]
    assert pushed.plan_of("cross_silo_views/publish_view")[-1] == "publish the view cross_silo.late_flights"
    assert pushed.lines[-3] == "1 run"
    assert int(count(clone, "SELECT count(*) FROM cross_silo.late_flights") or 0) > 0
    clone.git("revert", "--no-edit", "HEAD")
    reverted = clone.push()
    assert reverted.code == 0, reverted.whole
    assert clone.main == clone.git("rev-parse", "HEAD").stdout.strip()


def test_a_view_that_does_not_meet_its_case_changes_nothing(clone: Clone) -> None:
    before = clone.main
    add_view(clone, "late_flights", LATE.replace(">=", ">"))
    clone.commit("An hour does not count")
    pushed = clone.push()
    assert pushed.code == 1
    assert pushed.lines[0] == (
        "failed  late_flights: an hour counts and less does not: "
        "it does not answer {silo: ewr, flight: 1, dep_delay: 60}"
    )
    assert pushed.lines[-1].endswith("is not as it should be; nothing was changed")
    assert clone.main == before


def test_a_changed_contract_reaches_the_silos_tables_and_the_table_over_them(clone: Clone) -> None:
    clone.change("pipelines/planes/contract.yaml", "description: Who built it.", "description: Its maker.")
    clone.commit("Makers")
    pushed = clone.push()
    assert pushed.code == 0, pushed.whole
    assert pushed.plan_of(PROVISION) == ["update the stack set silo_base", "deploy the stack set silo_base to silos"]
    assert [each for each in pushed.plan_of("cross_silo_views/publish_view") if "contract of planes" in each]
    fleet = clone.lake.as_("fleet", "OrganizationAccountAccessRole")
    columns = fleet.call("glue", "get_table", DatabaseName="processed", Name="planes")["Table"]["StorageDescriptor"]
    assert "Its maker." in [column.get("Comment") for column in columns["Columns"]]


BROKEN = {
    "a definition in a cell": ("def f():\n    return 1", "cell 3 defines f; move it to the library"),
    "an output kept": ("print(1)", "keeps its output; run make strip"),
}


def notebook(body: str, outputs: list[object]) -> str:
    """A run notebook in shape, but for what is asked."""
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A pulse\n\nPromise."},
        {
            "cell_type": "code", "id": "b", "metadata": {"tags": ["parameters"]}, "execution_count": None,
            "outputs": [], "source": "often: int = 1  # how often",
        },
        {
            "cell_type": "code", "id": "c", "metadata": {}, "execution_count": None, "outputs": outputs,
            "source": body,
        },
    ]  # fmt: skip
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "silolake": {"target": "platform"},
    }
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


PULSE = """\
name: pulse
description: A run of its own.
executor: platform
targets: account:platform
triggers: [{triggers}]
notebook: notebooks/pulse.ipynb
"""


@pytest.mark.parametrize("what", BROKEN)
def test_a_notebook_out_of_shape_is_told_and_changes_nothing(clone: Clone, what: str) -> None:
    before = clone.main
    body, told = BROKEN[what]
    outputs: list[object] = [{"output_type": "stream", "name": "stdout", "text": "1\n"}] if "output" in what else []
    clone.write("notebooks/pulse.ipynb", notebook(body, outputs))
    clone.commit("Out of shape")
    pushed = clone.push()
    assert (pushed.code, clone.main) == (1, before)
    assert told in pushed.told


def test_a_notebook_that_raises_is_not_applied_and_the_next_push_goes_on(clone: Clone) -> None:
    """main stays where it was; what did complete is not done again."""
    before = clone.main
    clone.write("pipelines/pulse/pipeline.yaml", PULSE.format(triggers="commit"))
    clone.write("notebooks/pulse.ipynb", notebook("1 / 0", []))
    clone.commit("A pulse")
    pushed = clone.push()
    assert pushed.code == 1
    assert pushed.runs == ["failed: run pulse for platform"]
    assert "ZeroDivisionError: division by zero" in pushed.told
    assert "not applied: runs did not complete" in pushed.lines[-1]
    assert clone.main == before
    clone.write("notebooks/pulse.ipynb", notebook("1 / 1", []))
    mended = clone.commit("It beats")
    again = clone.push()
    assert (again.code, clone.main) == (0, mended), again.whole
    assert again.runs == [pushed.runs[0].replace("failed", "completed")]
    assert clone.push("main").whole.strip() == "Everything up-to-date"


def lists_processed(clone: Clone) -> bool:
    """Whether an administrator in analytics lists what EWR has processed."""
    administrator = clone.lake.as_("analytics", "OrganizationAccountAccessRole")
    try:
        administrator.call("s3", "list_objects_v2", Bucket=clone.lake.bucket("ewr", "processed"))
    except Denied:
        return False
    return True


def test_a_widened_policy_opens_and_a_rollback_closes_it(clone: Clone) -> None:
    """One command, and git revert before it: each is a commit that is applied like any other."""
    before = clone.main
    assert not lists_processed(clone)
    policy = clone.root / "provisioning" / "policies" / "processed_zone.bucket.json"
    reader = '"arn:aws:iam::*:role/lake/analytics/*",'
    text = policy.read_text()
    policy.write_text(
        text.replace(reader, f'{reader}\n            "arn:aws:iam::*:role/OrganizationAccountAccessRole",')
    )
    clone.commit("Administrators of analytics read")
    pushed = clone.push()
    assert pushed.code == 0, pushed.whole
    assert pushed.plan_of(PROVISION) == ["update the stack set silo_base", "deploy the stack set silo_base to silos"]
    assert lists_processed(clone)
    done = clone.lake.silolake("rollback", before)
    assert f"main is {clone.main[:12]} now, with the files of {before[:12]}" in done.stdout
    assert not lists_processed(clone)
    clone.git("pull", "--quiet", "lake", "main")
    assert policy.read_text() == text
    refused = clone.lake.silolake("rollback", "no-such-commit", check=False)
    assert refused.returncode == 1
    assert "the remote has no commit 'no-such-commit'" in refused.stdout + refused.stderr


HPN = """\
  hpn:
    email: hpn@nyc-lake.example
    unit: silos
    tags: {kind: airport}
"""


def test_an_added_silo_is_there_when_the_push_ends_and_withdrawn_when_it_is_taken_away(clone: Clone) -> None:
    clone.change(str(ORGANIZATION), "  fleet:\n    email", f"{HPN}  fleet:\n    email")
    clone.commit("White Plains")
    pushed = clone.push()
    assert pushed.code == 0, pushed.whole
    assert "create the account hpn <hpn@nyc-lake.example> in silos" in pushed.plan_of(PROVISION)
    assert "completed: run provisioning/enroll_silo silo=hpn for platform" in pushed.runs
    assert count(clone, 'SELECT count(*) FROM "hpn"."processed"."flights"') == "0"
    clone.change(str(ORGANIZATION), HPN, HPN.replace("unit: silos", "unit: departed"))
    clone.commit("White Plains leaves")
    left = clone.push()
    assert left.code == 0, left.whole
    assert "withdraw hpn" in " ".join(left.plan_of(PROVISION))
    analytics = clone.lake.as_("analytics", "OrganizationAccountAccessRole")
    known = analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary")
    assert "hpn" not in [each["CatalogName"] for each in known]


def test_a_branch_is_tested_and_planned_and_changes_nothing(clone: Clone) -> None:
    before = clone.main
    clone.git("checkout", "--quiet", "-b", "idea")
    add_view(clone, "new_idea")
    idea = clone.commit("An idea")
    pushed = clone.push("idea")
    assert pushed.code == 0, pushed.whole
    assert "run cross_silo_views/publish_view view=new_idea for analytics" in pushed.lines
    assert pushed.runs == [] and pushed.lines[-1] == f"{idea[:12]} is planned, not applied: only main is"
    assert clone.git("ls-remote", "lake", "refs/heads/idea").stdout.split()[0] == idea
    assert clone.main == before
    planned = clone.lake.silolake("plan", "--no-deliveries").stdout
    assert "new_idea" not in planned


def test_main_is_neither_taken_away_nor_put_back_by_force(clone: Clone) -> None:
    before = clone.main
    gone = clone.push("--delete", "main")
    assert gone.code == 1 and "it cannot be taken away" in gone.told
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    clone.write("README.md", "# Another past\n")
    clone.commit("Another past")
    forced = clone.push("--force", "main")
    assert forced.code == 1 and "main only goes forward" in forced.told
    assert clone.main == before


def test_a_link_out_of_the_commit_is_refused(clone: Clone) -> None:
    before = clone.main
    (clone.root / "pipelines" / "flights" / "samples" / "hosts.csv").symlink_to("/etc/hosts")
    clone.commit("A link")
    pushed = clone.push()
    assert pushed.code == 1 and "is a link that leads out of the commit" in pushed.told
    assert clone.main == before


def test_two_pushes_take_their_turns(clone: Clone) -> None:
    """The second waits for the first, and then finds that main has moved."""
    import threading

    clone.write("README.md", "# One\n")
    clone.commit("One")
    other: list[Pushed] = []
    clone.git("branch", "--force", "beside", "HEAD")
    thread = threading.Thread(target=lambda: other.append(clone.push("beside")))
    thread.start()
    first = clone.push()
    thread.join()
    assert (first.code, other[0].code) == (0, 0), first.whole + other[0].whole


def test_an_account_that_enters_the_unit_is_enrolled_and_one_that_leaves_is_withdrawn(clone: Clone) -> None:
    """Nobody pushes: somebody else's vending machine made the account, and moves it."""
    management, organization = clone.lake.as_("management", "Administrator"), clone.lake.organization
    ids = {name: path.text.rstrip("/").rsplit("/", 1)[1] for name, path in organization.units.items()}
    management.call("organizations", "create_account", AccountName="swf", Email="swf@nyc-lake.example",
                    Tags=[{"Key": "kind", "Value": "airport"}])  # fmt: skip
    until(lambda: "swf" in clone.lake.organization.accounts, "the account is there")
    account = clone.lake.organization.account("swf").id.text

    def move(source: str, target: str) -> None:
        management.call(
            "organizations", "move_account", AccountId=account, SourceParentId=source, DestinationParentId=target
        )

    def catalogs() -> list[str]:
        analytics = clone.lake.as_("analytics", "OrganizationAccountAccessRole")
        known = analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary")
        return [each["CatalogName"] for each in known]

    move(organization.root_id, ids["silos"])
    until(lambda: "swf" in catalogs(), "swf is registered")
    sources = 'SELECT count(*) FROM "swf"."processed"."flights"'
    until(lambda: count(clone, sources) == "0", "swf is read")
    until(lambda: "swf" in partitions(clone), "swf is in the view's table")
    move(ids["silos"], ids["departed"])
    until(lambda: "swf" not in catalogs(), "swf is withdrawn")
    until(lambda: "swf" not in partitions(clone), "swf is out of the view's table")


def partitions(clone: Clone) -> list[str]:
    """The silos that the view's table of flights has a partition of."""
    analytics = clone.lake.as_("analytics", "OrganizationAccountAccessRole")
    listed = analytics.pages(
        "glue", "get_partitions", "Partitions", DatabaseName="cross_silo_sources", TableName="flights_in_ou_silos"
    )
    return [each["Values"][0] for each in listed]


def test_a_schedule_runs_once_for_each_due_time_by_the_local_clouds_clock(clone: Clone) -> None:
    """A day passes in a moment; of what was missed meanwhile the last is run."""
    schedule = '{schedule: "cron(0 6 * * ? *)", time_zone: America/New_York, missed: last}'
    clone.write("pipelines/daily/pipeline.yaml", PULSE.format(triggers=schedule).replace("name: pulse", "name: daily"))
    clone.write("notebooks/pulse.ipynb", notebook("often", []))
    clone.commit("Every morning")
    pushed = clone.push()
    assert pushed.code == 0, pushed.whole
    assert not any(", due" in each for each in pushed.runs)
    ledger = "state/schedules/daily/"
    platform, bucket = clone.lake.as_("platform", "runner"), clone.lake.bucket("platform", "state")
    until(
        lambda: platform.call("s3", "list_objects_v2", Bucket=bucket, Prefix=ledger)["KeyCount"], "the schedule is seen"
    )
    before = due_runs(clone)
    clone.lake.endpoint.ask("POST", "clock", seconds=3 * 86400)
    until(lambda: len(due_runs(clone)) == len(before) + 1, "the last of three mornings has run")
    clone.lake.endpoint.ask("POST", "clock", seconds=86400)
    until(lambda: len(due_runs(clone)) == len(before) + 2, "the next morning has run")


def due_runs(clone: Clone) -> list[str]:
    """The due times that completed runs are of."""
    entries = json.loads(clone.lake.silolake("runs", "list", "--json", "--limit", "1000").stdout)
    return [
        e["facts"]["occasion"]["due"] for e in entries if "due" in e["facts"]["occasion"] and e["status"] == "completed"
    ]


def test_without_the_service_nothing_lands_and_with_it_again_it_does(clone: Clone) -> None:
    """It says how to start it; what was pushed before is known still."""
    from silolake.cli.serving import stop_service

    from .pushing import serve

    before = clone.main
    assert stop_service(clone.lake.data)
    clone.write("README.md", "# Later\n")
    later = clone.commit("Later")
    refused = clone.push()
    assert refused.code == 1 and "silolake up --service" in refused.told
    assert clone.main == before
    told = serve(clone.lake)
    assert "git push lake main" in told
    assert before[:12] in clone.lake.silolake("status").stdout
    assert clone.push().code == 0 and clone.main == later
