"""``query`` and ``why``: a question to Athena, and a question to IAM."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from silolake.cli.terminal import (
    data_directory,
    directory_option,
    json_option,
    load_rooms,
    print_json,
    print_table,
    progress,
    running,
)
from silolake.errors import WrongState


@click.command()
@click.argument("sql")
@click.option("--as", "who", default="analytics/analyst", show_default=True, metavar="ACCOUNT/ROLE", help="Who asks.")
@click.option("--database", default="cross_silo", show_default=True, help="What unqualified tables belong to.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
def query(sql: str, who: str, database: str, as_csv: bool, as_json: bool) -> None:
    """Ask Athena one question.

    SQL is one statement; - reads it from standard input. Exit code 1 if the query fails.
    """
    from silolake.cloud.queries import query as ask
    from silolake.session import DATA, open_cloud

    rooms = load_rooms()
    account, _, role = who.partition("/")
    cloud = open_cloud(rooms.settings, rooms.root / DATA, account, role)
    text = sys.stdin.read() if sql == "-" else sql
    with progress("asking"):
        answer = ask(cloud, text, workgroup="lake", database=database)
    if as_json:
        print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    else:
        print_table(answer.columns, answer.rows)
        click.echo(f"{len(answer.rows)} rows, {answer.scanned_bytes:,} bytes scanned, {answer.engine_ms} ms", err=True)


@click.command()
@click.argument("request_id", default="")
@click.option("--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A resource policy to judge instead of the log.")  # fmt: skip
@click.option("--action", default="s3:GetObject", show_default=True, help="With --policy: what is asked.")
@click.option("--resource", default="", help="With --policy: the ARN it is asked of.")
@click.option("--principal", default="", help="With --policy: the ARN of the role that asks.")
@click.option(
    "--path", "org_path", default="", help="With --policy: where it hangs, o-…/r-…/ou-…/; empty for an outsider."
)
@click.option("--owner", default="", help="With --policy: the account that owns the resource.")
@click.option("--limit", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many denials to tell.")
@directory_option
@json_option
def why(request_id: str, limit: int, directory: Path | None, as_json: bool, **judged: Any) -> None:
    """Tell why IAM allows or denies.

    Without arguments, the last denial of the local cloud; with REQUEST_ID, every decision of that request; exit code
    1 if none is in the log. With --policy, whether that document would let a role in that holds every permission of
    its own account.
    """
    if judged["policy"] is not None:
        _judge(_Question(**judged), as_json)
        return
    if any(judged[name] for name in ("resource", "principal", "org_path", "owner")):
        raise WrongState("a principal, a resource, a path or an owner is judged against a policy", "Give --policy")
    endpoint = running(data_directory(directory))
    found = endpoint.ask("POST", "decisions", request_id=request_id, denied_only=not request_id, limit=limit)
    if request_id and not found:
        raise WrongState(f"no decision of a request {request_id!r} is in the log", "Only the latest 50,000 are kept")
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nothing was denied.")
        return
    for each in found:
        click.echo(
            f"{each['at'][:19]}  {each['caller']}\n  {each['operation']} → {each['action']} on {each['resource']}"
        )
        click.echo("  " + each["decision"]["text"].replace("\n", "\n  "))
        click.echo(f"  request {each['request_id']}")


_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+")


@dataclass(frozen=True)
class _Question:
    """Whether a policy would let somebody do something; its names are the options'."""

    policy: Path
    action: str
    resource: str
    principal: str
    org_path: str
    owner: str


def _judge(asked: _Question, as_json: bool) -> None:
    """Whether a resource policy lets in a role that its own account allows everything."""
    from silolake.iam import Policies, PolicyKind, Principal, Request, Resource, compile_policy, decide

    if not asked.resource or not asked.principal:
        raise WrongState("a policy is judged for somebody and something", "Give --principal and --resource")
    arn = _PRINCIPAL.fullmatch(asked.principal)
    if arn is None:
        raise WrongState(f"{asked.principal!r} is no role's ARN", "Write arn:aws:iam::111122223333:role/path/name")
    try:
        text = asked.policy.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongState(f"{asked.policy} is not UTF-8 text ({error.reason})", "Save it as UTF-8") from error
    compiled = compile_policy(text, PolicyKind.RESOURCE, asked.policy.name, str(asked.policy))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    own = compile_policy(everything, PolicyKind.IDENTITY, "the role's own account allows it")
    decision = decide(
        Request(
            Principal(arn=asked.principal, account=arn[1], kind="role", org_path=asked.org_path),
            asked.action,
            Resource(arn=asked.resource, account=asked.owner or "000000000000"),
            {"aws:SecureTransport": ("true",)},
        ),
        Policies(identity=(own,), resource=compiled),
    )
    if as_json:
        print_json(decision.to_json())
    else:
        click.echo(decision.explain())
