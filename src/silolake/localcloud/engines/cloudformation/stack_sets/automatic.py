"""Automatic deployment: an account that comes below a target gets the stacks, one that leaves loses them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation.stack_sets import running
from silolake.localcloud.engines.cloudformation.stack_sets.organization import Member
from silolake.localcloud.engines.cloudformation.stack_sets.queueing import Target, Wish, enqueue
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    StackSet,
    find_instance,
    instances_of,
    put_instance,
)
from silolake.localcloud.engines.organizations import tree


@dataclass(frozen=True)
class _Move:
    """One account's way from one place to another; a path is empty outside any organization."""

    account: str
    before: Member
    after: Member


def on_membership(cloud: LocalCloud, account: str, old_path: str, new_path: str) -> None:
    """Queue what an account's coming, moving or leaving means for the stack sets. Writes."""
    move = _Move(account, Member(account, old_path), Member(account, new_path))
    with cloud.store.write() as connection:
        known = _seen(connection, account)
        if known == new_path:
            return
        connection.execute("INSERT OR REPLACE INTO cfn_memberships VALUES (?, ?)", (account, new_path))
        touched = _leave(connection, cloud, move) + _enter(connection, cloud, move)
    for stack_set in touched:
        running.start(cloud, stack_set)


def resume(cloud: LocalCloud) -> None:
    """Make up for moves that were committed just before the process stopped. Writes."""
    missed: list[tuple[str, str, str]] = []
    with cloud.store.read() as connection:
        for (account,) in connection.execute("SELECT id FROM accounts ORDER BY id").fetchall():
            before = _seen(connection, account) or ""
            now = tree.in_effect(connection, account, cloud.clock.now()).path
            if before != now:
                missed.append((account, before, now))
    for account, before, now in missed:
        on_membership(cloud, account, before, now)


def _seen(connection: sqlite3.Connection, account: str) -> str | None:
    row = connection.execute("SELECT path FROM cfn_memberships WHERE account = ?", (account,)).fetchone()
    return row["path"] if row else None


def _automatic_sets(connection: sqlite3.Connection, organization: str) -> list[StackSet]:
    """The stack sets that deploy themselves, each after those it depends on."""
    rows = connection.execute(
        "SELECT * FROM cfn_stack_sets WHERE organization = ? AND status = 'ACTIVE' AND deploys_itself = 1"
        " ORDER BY created_at",
        (organization,),
    )
    left = {stack_set.arn: stack_set for stack_set in map(StackSet.of, rows)}
    order: list[StackSet] = []
    while left:
        ready = [each for each in left.values() if not set(each.depends_on) & left.keys()] or list(left.values())
        order += ready
        for each in ready:
            del left[each.arn]
    return order


def _organization(path: str) -> str:
    return path.split("/", 1)[0]


def _reached(connection: sqlite3.Connection, stack_set: StackSet, member: Member) -> dict[str, str]:
    """The Regions in which a stack set reaches an account, each with the unit through which it does."""
    rows = connection.execute(
        "SELECT unit, region FROM cfn_stack_set_targets WHERE stack_set = ? ORDER BY unit", (stack_set.id,)
    )
    return {row["region"]: row["unit"] for row in rows if member.is_below(row["unit"])}


def _leave(connection: sqlite3.Connection, cloud: LocalCloud, move: _Move) -> list[str]:
    """Take away what no longer reaches the account: first what depends on others."""
    queued: dict[str, str] = {}
    touched = []
    sets = _automatic_sets(connection, _organization(move.before.path))
    for stack_set in reversed(sets):
        before, after = _reached(connection, stack_set, move.before), _reached(connection, stack_set, move.after)
        targets = []
        for instance in instances_of(connection, stack_set.id):
            if instance.account != move.account:
                continue
            if instance.region in after:
                put_instance(connection, replace(instance, unit=after[instance.region]))
            elif instance.region in before or instance.unit in move.before.path.split("/"):
                targets.append(Target(instance.account, instance.region, instance.unit))
        if targets:
            waits_for = tuple(
                queued[each.arn] for each in sets if stack_set.arn in each.depends_on and each.arn in queued
            )
            wish = Wish(
                "DELETE", targets, retains_stacks=stack_set.retains_stacks, is_automatic=True, waits_for=waits_for
            )
            queued[stack_set.arn] = enqueue(connection, cloud, stack_set, wish)
            touched.append(stack_set.id)
    return touched


def _enter(connection: sqlite3.Connection, cloud: LocalCloud, move: _Move) -> list[str]:
    """Deploy what reaches the account now: first what others depend on."""
    if tree.placement(connection, move.account).management_account == move.account:
        return []
    queued: dict[str, str] = {}
    touched = []
    for stack_set in _automatic_sets(connection, _organization(move.after.path)):
        before, after = _reached(connection, stack_set, move.before), _reached(connection, stack_set, move.after)
        targets = [
            Target(move.account, region, unit)
            for region, unit in after.items()
            if region not in before or _is_leaving(connection, stack_set, move.account, region)
        ]
        if targets:
            waits_for = tuple(queued[arn] for arn in stack_set.depends_on if arn in queued)
            wish = Wish("CREATE", targets, is_automatic=True, waits_for=waits_for)
            queued[stack_set.arn] = enqueue(connection, cloud, stack_set, wish)
            touched.append(stack_set.id)
    return touched


def _is_leaving(connection: sqlite3.Connection, stack_set: StackSet, account: str, region: str) -> bool:
    """Whether an instance is still waiting for its removal."""
    instance = find_instance(connection, stack_set.id, account, region)
    if instance is None:
        return False
    row = connection.execute(
        "SELECT action, status FROM cfn_stack_set_operations WHERE stack_set = ? AND id = ?",
        (stack_set.id, instance.last_operation),
    ).fetchone()
    return row is not None and row["action"] == "DELETE" and row["status"] in ("QUEUED", "RUNNING")
