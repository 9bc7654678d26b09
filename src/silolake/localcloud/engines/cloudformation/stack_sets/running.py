"""Carrying out operations on stack sets: one after another for each stack set, account by account.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from math import floor
from typing import Any

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation.stack_sets import execution
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    UNFINISHED,
    Instance,
    Operation,
    Result,
    StackSet,
    find_instance,
    find_operation,
    planned_stack_name,
    put_instance,
    put_result,
    read_set,
    remove_instance,
    results_of,
)
from silolake.localcloud.engines.cloudformation.stacks import running as stacks_running
from silolake.localcloud.engines.cloudformation.stacks.site import breakdowns_told
from silolake.localcloud.errors import AwsError

_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


def start(cloud: LocalCloud, stack_set: str) -> None:
    """Have a stack set's waiting operations carried out in the background."""
    cloud.in_background(lambda: carry_on(cloud, stack_set))


def carry_on(cloud: LocalCloud, stack_set: str) -> None:
    """Carry out a stack set's waiting operations, unless another thread is at it. Writes."""
    lock = stacks_running.floor(cloud).lock(stack_set)
    while (operation := _next(cloud, stack_set)) is not None:
        if not lock.acquire(blocking=False):
            # Whoever holds it looks again once it has let go.
            return
        try:
            current = _next(cloud, stack_set)
            if current is not None and current.id == operation.id:
                _Run(cloud, current).carry_out()
        finally:
            lock.release()
        stacks_running.floor(cloud).ring()
        for other in _waiting(cloud):
            if other != stack_set:
                start(cloud, other)


def resume(cloud: LocalCloud) -> None:
    """Take up the operations that a stopped process left. Writes."""
    for stack_set in _waiting(cloud):
        start(cloud, stack_set)


def _waiting(cloud: LocalCloud) -> list[str]:
    marks = ", ".join("?" * len(UNFINISHED))
    with cloud.store.read() as connection:
        rows = connection.execute(
            f"SELECT DISTINCT stack_set FROM cfn_stack_set_operations WHERE status IN ({marks}) ORDER BY number",
            UNFINISHED,
        )
        return [row["stack_set"] for row in rows]


def _next(cloud: LocalCloud, stack_set: str) -> Operation | None:
    """The operation whose turn it is, ``None`` while there is none, or it waits for one of another stack set."""
    marks = ", ".join("?" * len(UNFINISHED))
    with cloud.store.read() as connection:
        row = connection.execute(
            f"SELECT * FROM cfn_stack_set_operations WHERE stack_set = ? AND status IN ({marks})"
            " ORDER BY number LIMIT 1",
            (stack_set, *UNFINISHED),
        ).fetchone()
        operation = Operation.of(row) if row else None
        if operation is not None and _unended(connection, operation.waits_for):
            return None
    return operation


def _unended(connection: sqlite3.Connection, operations: tuple[str, ...]) -> bool:
    for each in operations:
        row = connection.execute("SELECT status FROM cfn_stack_set_operations WHERE id = ?", (each,)).fetchone()
        if row and row["status"] in UNFINISHED:
            return True
    return False


class _Run:
    """One operation while it is carried out."""

    def __init__(self, cloud: LocalCloud, operation: Operation) -> None:
        self.cloud, self.operation = cloud, operation
        with cloud.store.read() as connection:
            self.stack_set: StackSet = read_set(connection, operation.stack_set)
            self.results = results_of(connection, operation.stack_set, operation.id)

    def carry_out(self) -> None:
        if self.operation.status == "QUEUED":
            self._set_status("RUNNING")
        if failed := self._failed_before():
            self._cancel_rest(f"The operation of {failed} that comes before it did not succeed")
        failures = {result.region: 0 for result in self.results}
        for index, result in enumerate(self.results):
            if self._is_stopping():
                self._cancel_rest("Cancelled by user")
                self._end("STOPPED")
                return
            if result.status not in _ENDED:
                result = self._perform(result)
                self.results[index] = result
            failures[result.region] += result.status == "FAILED"
            if self._is_too_much(failures[result.region], result.region):
                self._cancel_rest("Cancelled since failure tolerance has exceeded")
        self._retire_roles()
        has_failed = any(self._is_too_much(count, region) for region, count in failures.items())
        self._end("FAILED" if has_failed or failed else "SUCCEEDED")

    def _failed_before(self) -> str:
        """The name of a stack set whose automatic deployment should have come first and failed."""
        with self.cloud.store.read() as connection:
            for each in self.operation.waits_for:
                row = connection.execute(
                    "SELECT s.name, o.status FROM cfn_stack_set_operations o"
                    " JOIN cfn_stack_sets s ON s.id = o.stack_set WHERE o.id = ?",
                    (each,),
                ).fetchone()
                if row and row["status"] not in ("SUCCEEDED", "RUNNING", "QUEUED"):
                    return str(row["name"])
        return ""

    def _is_stopping(self) -> bool:
        with self.cloud.store.read() as connection:
            current = find_operation(connection, self.operation.stack_set, self.operation.id)
        return current is not None and current.status == "STOPPING"

    def _is_too_much(self, failures: int, region: str) -> bool:
        """Whether a Region has had more failures than the operation tolerates."""
        if self.operation.is_automatic:
            # Operation preferences do not apply to automatic deployment; one failure fails it, the others go on.
            return failures > 0 and all(result.status in _ENDED for result in self.results)
        accounts = sum(1 for result in self.results if result.region == region)
        return failures > tolerated(self.operation.preferences, accounts)

    def _cancel_rest(self, reason: str) -> None:
        with self.cloud.store.write() as connection:
            for index, result in enumerate(self.results):
                if result.status in _ENDED:
                    continue
                self.results[index] = replace(result, status="CANCELLED", reason=reason)
                put_result(connection, self.results[index])
                instance = find_instance(connection, result.stack_set, result.account, result.region)
                if instance is not None and instance.last_operation == self.operation.id:
                    put_instance(connection, replace(instance, detailed_status="CANCELLED", reason=reason))

    def _perform(self, result: Result) -> Result:
        with self.cloud.store.write() as connection:
            result = replace(result, status="RUNNING")
            put_result(connection, result)
            instance = find_instance(connection, result.stack_set, result.account, result.region)
            if instance is None and self.operation.action == "CREATE":
                # An operation queued before this one has removed the instance: the account left and came back.
                name = planned_stack_name(connection, self.stack_set, result.account, result.region)
                instance = Instance(result.stack_set, result.account, result.region, result.unit, name)
            if instance is not None:
                instance = replace(instance, detailed_status="RUNNING", last_operation=self.operation.id)
                put_instance(connection, instance)
        if instance is None:
            return self._note(result, "SUCCEEDED", "")
        try:
            with breakdowns_told(f"The operation in {instance.account}"):
                if self.operation.action == "DELETE":
                    return self._withdraw(result, instance)
                return self._deploy(result, instance)
        except AwsError as error:
            return self._fail(result, instance, error.message)

    def _deploy(self, result: Result, instance: Instance) -> Result:
        stack = execution.deploy(self.cloud, self.stack_set, instance)
        instance = replace(instance, stack=stack.id)
        if not execution.is_deployed(stack):
            return self._fail(
                result, instance, self._why(stack.id) or stack.reason or f"Stack is in {stack.status} state"
            )
        current = replace(
            instance, status="CURRENT", detailed_status="SUCCEEDED", reason="", version=self.stack_set.version
        )
        return self._note(result, "SUCCEEDED", "", current)

    def _withdraw(self, result: Result, instance: Instance) -> Result:
        if not self.operation.retains_stacks and self._is_active(instance.account):
            stack = execution.withdraw(self.cloud, self.stack_set, instance)
            if stack is not None:
                broken = replace(instance, status="INOPERABLE", stack=stack.id)
                return self._fail(result, broken, self._why(stack.id) or stack.reason)
        with self.cloud.store.write() as connection:
            remove_instance(connection, instance)
            result = replace(result, status="SUCCEEDED")
            put_result(connection, result)
        return result

    def _retire_roles(self) -> None:
        if self.operation.action == "DELETE":
            for account in sorted({result.account for result in self.results if self._is_active(result.account)}):
                execution.retire_role(self.cloud, self.stack_set, account)

    def _is_active(self, account: str) -> bool:
        """A closed account is passed over: nothing in it can be done, and nobody can use it."""
        with self.cloud.store.read() as connection:
            row = connection.execute("SELECT state FROM accounts WHERE id = ?", (account,)).fetchone()
        return row is not None and row["state"] == "ACTIVE"

    def _why(self, stack: str) -> str:
        """The first failure that a stack's events tell of."""
        with self.cloud.store.read() as connection:
            begun = connection.execute(
                "SELECT max(number) FROM cfn_events WHERE stack = ? AND reason = 'User Initiated'", (stack,)
            ).fetchone()[0]
            row = connection.execute(
                "SELECT logical_id, reason FROM cfn_events WHERE stack = ? AND number > ? AND status LIKE '%_FAILED'"
                " AND reason <> '' ORDER BY number LIMIT 1",
                (stack, begun or 0),
            ).fetchone()
        return f"ResourceLogicalId:{row['logical_id']}, ResourceStatusReason:{row['reason']}" if row else ""

    def _fail(self, result: Result, instance: Instance, reason: str) -> Result:
        status = instance.status if instance.status == "INOPERABLE" else "OUTDATED"
        failed = replace(instance, status=status, detailed_status="FAILED", reason=reason)
        return self._note(result, "FAILED", reason, failed)

    def _note(self, result: Result, status: str, reason: str, instance: Instance | None = None) -> Result:
        noted = replace(result, status=status, reason=reason)
        with self.cloud.store.write() as connection:
            put_result(connection, noted)
            if instance is not None:
                put_instance(connection, instance)
        return noted

    def _set_status(self, status: str) -> None:
        with self.cloud.store.write() as connection:
            connection.execute(
                "UPDATE cfn_stack_set_operations SET status = ? WHERE number = ? AND status = 'QUEUED'",
                (status, self.operation.number),
            )

    def _end(self, status: str) -> None:
        with self.cloud.store.write() as connection:
            connection.execute(
                "UPDATE cfn_stack_set_operations SET status = ?, ended_at = ? WHERE number = ?",
                (status, self.cloud.clock.now().isoformat(), self.operation.number),
            )


def tolerated(preferences: Mapping[str, Any], accounts: int) -> int:
    """How many failures in one Region an operation bears; none by default.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html

    >>> tolerated({"FailureTolerancePercentage": 30}, 9)
    2
    """
    if "FailureTolerancePercentage" in preferences:
        return floor(accounts * int(preferences["FailureTolerancePercentage"]) / 100)
    return int(preferences.get("FailureToleranceCount", 0))
