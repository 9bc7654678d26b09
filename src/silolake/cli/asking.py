"""``query`` and ``why``: a question to Athena, and a question to IAM."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

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
from silolake.cli.words import SENTENCES
from silolake.errors import WrongState


@click.command(help=SENTENCES["query"])
@click.argument("sql")
@click.option("--as", "who", default="analytics/analyst", show_default=True, metavar="ACCOUNT/ROLE", help="Who asks.")
@click.option("--database", default="cross_silo", show_default=True, help="What unqualified tables belong to.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
def query(sql: str, who: str, database: str, as_csv: bool, as_json: bool) -> None:
    """Ask Athena one question; exit code 1 if the query fails.

    SQL is one statement; - reads it from standard input.
    """
    from silolake.cloud.queries import query as ask
    from silolake.workspace import open_cloud

    rooms = load_rooms()
    account, _, role = who.partition("/")
    cloud = open_cloud(rooms.settings, rooms.root, account, role)
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


@click.command(help=SENTENCES["why"])
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
def why(
    request_id: str,
    policy: Path | None,
    action: str,
    resource: str,
    principal: str,
    org_path: str,
    owner: str,
    limit: int,
    directory: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Tell why IAM allowed or denied.

    Without arguments, the last denial of the local cloud; with REQUEST_ID, every decision of that request. With
    --policy, whether that document would let a role in that holds every permission of its own account.
    """
    if policy is not None:
        _judge(policy, action, (resource, owner), (principal, org_path), as_json)
        return
    endpoint = running(data_directory(directory))
    found = endpoint.ask("POST", "decisions", request_id=request_id, denied_only=not request_id, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No decision of that request is in the log." if request_id else "Nothing was denied.")
        return
    for each in found:
        click.echo(
            f"{each['at'][:19]}  {each['caller']}\n  {each['operation']} → {each['action']} on {each['resource']}"
        )
        click.echo("  " + each["decision"]["text"].replace("\n", "\n  "))
        click.echo(f"  request {each['request_id']}")


def _judge(policy: Path, action: str, asked: tuple[str, str], asking: tuple[str, str], as_json: bool) -> None:
    """Whether a resource policy lets in a role that its own account allows everything."""
    from silolake.iam import Policies, PolicyKind, Principal, Request, Resource, compile_policy, decide

    resource, owner = asked
    principal, org_path = asking
    if not resource or not principal:
        raise WrongState("a policy is judged for somebody and something", "Give --principal and --resource")
    compiled = compile_policy(policy.read_text(encoding="utf-8"), PolicyKind.RESOURCE, policy.name, str(policy))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    own = compile_policy(everything, PolicyKind.IDENTITY, "the role's own account allows it")
    account = principal.split(":")[4]
    decision = decide(
        Request(
            Principal(arn=principal, account=account, kind="role", org_path=org_path),
            action,
            Resource(arn=resource, account=owner or "000000000000"),
            {"aws:SecureTransport": ("true",)},
        ),
        Policies(identity=(own,), resource=compiled),
    )
    if as_json:
        print_json(decision.to_json())
    else:
        click.echo(decision.explain())
