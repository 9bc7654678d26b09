"""A project that schedules start, and short ways of scheduling it and looking at what was started."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from house import House, allow, document, trusts

from silolake.localcloud.call import Caller
from silolake.localcloud.engines.scheduler.firing import invocations

PATIENCE_S = 20.0
STARTS = "arn:aws:scheduler:::aws-sdk:codebuild:startBuild"
SPEC = "version: 0.2\nphases: {build: {commands: ['true']}}\n"


@dataclass
class Timetable:
    """Somebody who schedules builds in one account."""

    house: House
    me: Caller
    role: str = ""

    def open(self) -> Timetable:
        builder = self.house.make_role(
            self.me, "builder", allow("s3:*"), trust=document(trusts({"Service": "codebuild.amazonaws.com"}))
        )
        self.role = self.house.make_role(
            self.me, "starter", allow(["codebuild:StartBuild", "codepipeline:StartPipelineExecution"]),
            trust=document(trusts({"Service": "scheduler.amazonaws.com"})),
        )  # fmt: skip
        self.ask(
            "codebuild:CreateProject", name="ship", serviceRole=builder, artifacts={"type": "NO_ARTIFACTS"},
            source={"type": "NO_SOURCE", "buildspec": SPEC},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "c"},
        )  # fmt: skip
        return self

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        named = operation if ":" in operation else f"scheduler:{operation}"
        return self.house.ask(self.me, named, **parameters)

    def code(self, operation: str, **parameters: Any) -> str:
        return self.house.code(self.me, f"scheduler:{operation}", **parameters)

    def asked(self, expression: str, **more: Any) -> dict[str, Any]:
        """What ``CreateSchedule`` is asked."""
        target = {
            "Arn": STARTS,
            "RoleArn": self.role,
            "Input": json.dumps({"ProjectName": "ship"}),
            **more.pop("target", {}),
        }
        given = {"Name": "nightly", "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}}
        return {**given, "Target": target, **more}

    def schedule(self, expression: str, **more: Any) -> str:
        """A new schedule's ARN."""
        return str(self.ask("CreateSchedule", **self.asked(expression, **more))["ScheduleArn"])

    @property
    def now(self) -> datetime:
        return self.house.cloud.clock.now()

    def at(self, **ahead: float) -> str:
        """An ``at`` expression."""
        return f"at({self.now + timedelta(**ahead):%Y-%m-%dT%H:%M:%S})"

    def until_day_begins(self) -> None:
        """Move the clock to a midnight, so that counts of due times are known."""
        midnight = (self.now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.house.cloud.clock.advance((midnight - self.now).total_seconds() + 1)

    def passes(self, **ahead: float) -> None:
        """Move the clock on, and wait until what has fallen due is done."""
        self.house.cloud.clock.advance(timedelta(**ahead).total_seconds())
        self.quiet()

    def quiet(self) -> None:
        end = time.monotonic() + PATIENCE_S
        query = (
            "SELECT 1 FROM scheduler_schedules WHERE due_at <> '' AND due_at <= ? UNION ALL"
            " SELECT 1 FROM scheduler_invocations WHERE status = 'PENDING' AND attempt_at <= ?"
        )
        while True:
            now = self.now.astimezone(UTC).isoformat(timespec="microseconds")
            with self.house.cloud.store.read() as connection:
                if connection.execute(query, (now, now)).fetchone() is None:
                    return
            assert time.monotonic() < end, self.told()
            time.sleep(0.01)

    def told(self, arn: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """What became of the due times, oldest first."""
        return invocations(self.house.cloud, arn, limit)[::-1]

    def due(self, arn: str = "") -> list[str]:
        """The due times that were invoked, oldest first."""
        return [each["due_at"][:16] for each in self.told(arn) if each["status"] == "SUCCEEDED"]

    def builds(self) -> list[str]:
        return list(self.ask("codebuild:ListBuildsForProject", projectName="ship")["ids"])
