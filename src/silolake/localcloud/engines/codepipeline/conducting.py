"""One execution of a pipeline, stage by stage; what was begun is noted before it is begun, and goes on after a kill.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codebuild.records import Artifact
from silolake.localcloud.engines.codepipeline.actions.acting import Act, ActionFailed, Outcome, place_for, refused
from silolake.localcloud.engines.codepipeline.records import (
    FAILED,
    GOING_ON,
    IN_PROGRESS,
    PRINCIPAL,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    SUPERSEDED,
    ActionRun,
    Execution,
    Pipeline,
    actions_of,
    executions_where,
    find_execution,
    find_pipeline,
    new_action_id,
    put_action,
    set_execution,
    set_stage,
)
from silolake.localcloud.engines.codepipeline.structure import artifacts, provider_of, run_orders
from silolake.localcloud.engines.codepipeline.variables import Unresolved, resolve
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError

_LOOK_S = 0.03
_log = logging.getLogger(__name__)
Declaration = Mapping[str, Any]


class Left(Exception):
    """The execution is no longer this thread's: it was stopped, superseded or deleted, or the local cloud ends."""


class Conductor:
    """Leads one execution through its stages, in a thread of its own.

    Args:
        cloud: the local cloud.
        identity: the execution's id.
        closing: whether the local cloud ends.
    """

    def __init__(self, cloud: LocalCloud, identity: str, closing: Callable[[], bool]) -> None:
        self.cloud, self.identity, self._closing = cloud, identity, closing
        execution = self._execution()
        with cloud.store.read() as connection:
            pipeline = find_pipeline(connection, execution.pipeline, execution.version)
        if pipeline is None:
            raise Left
        self.pipeline: Pipeline = pipeline

    def run(self) -> None:
        """Go through what is left of the stages. Writes.

        Raises:
            Left: somebody else says how it ends, or a later process goes on with it.
        """
        for stage in self.pipeline.stages:
            if self._status_in(stage["name"]) == SUCCEEDED:
                continue
            self._enter(stage["name"])
            ended = self._through(stage)
            self._settle(stage["name"], ended)
            if ended != SUCCEEDED:
                return
        self._end(SUCCEEDED)

    def break_down(self, error: Exception) -> None:
        """End the execution with the name of a mistake of the local cloud's own. Writes."""
        self._end(FAILED, summary=f"The local cloud broke down: {error!r}")

    def _end(self, status: str, **more: str) -> None:
        with self.cloud.store.write() as connection:
            self._execution()
            set_execution(connection, self.identity, self.cloud.clock.now(), status=status, waits_for="", **more)

    def _execution(self) -> Execution:
        if self._closing():
            raise Left
        with self.cloud.store.read() as connection:
            found = find_execution(connection, self.identity)
        if found is None or found.status not in GOING_ON:
            raise Left
        return found

    def _status_in(self, stage: str) -> str:
        query = "SELECT status FROM codepipeline_stages WHERE execution = ? AND stage = ?"
        with self.cloud.store.read() as connection:
            row = connection.execute(query, (self.identity, stage)).fetchone()
        return str(row["status"]) if row else ""

    def _enter(self, stage: str) -> None:
        """Wait until the stage is free, as the pipeline's execution mode has it. Writes.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html#concepts-how-it-works-executions
        """
        while not self._entered(stage):
            if self._execution().status == STOPPING:
                self._end(STOPPED)
                raise Left
            time.sleep(_LOOK_S)

    def _entered(self, stage: str) -> bool:
        known = self._execution()
        if known.waits_for == stage and not self._is_free(known, stage):
            return False
        with self.cloud.store.write() as connection:
            execution, now = self._execution(), self.cloud.clock.now()
            if execution.status == STOPPING:
                return False
            if self._is_free(execution, stage):
                set_stage(connection, execution, stage, IN_PROGRESS)
                set_execution(connection, self.identity, now, waits_for="")
                return True
            if execution.waits_for != stage:
                set_execution(connection, self.identity, now, waits_for=stage)
                self._supersede(execution, stage)
            return False

    def _is_free(self, execution: Execution, stage: str) -> bool:
        if execution.mode == "PARALLEL":
            return True
        with self.cloud.store.read() as connection:
            taken = connection.execute(
                "SELECT 1 FROM codepipeline_stages s JOIN codepipeline_executions e ON e.id = s.execution"
                " WHERE s.pipeline = ? AND s.stage = ? AND s.status = ? AND e.status IN (?, ?) AND e.id <> ?",
                (execution.pipeline, stage, IN_PROGRESS, *GOING_ON, execution.id),
            ).fetchone()
            before = executions_where(
                connection,
                "pipeline = ? AND waits_for = ? AND status = ? AND sequence < ?",
                execution.pipeline, stage, IN_PROGRESS, execution.sequence,
            )  # fmt: skip
        return taken is None and not before

    def _supersede(self, execution: Execution, stage: str) -> None:
        """In SUPERSEDED mode the newest of those that wait goes on, and the others do not. Writes."""
        if execution.mode != "SUPERSEDED":
            return
        with self.cloud.store.write() as connection:
            for older in executions_where(
                connection,
                "pipeline = ? AND waits_for = ? AND status = ? AND sequence < ?",
                execution.pipeline, stage, IN_PROGRESS, execution.sequence,
            ):  # fmt: skip
                words = f"Superseded by execution {execution.id}"
                now = self.cloud.clock.now()
                set_execution(connection, older.id, now, status=SUPERSEDED, summary=words, waits_for="")

    def _through(self, stage: Declaration) -> str:
        """Perform a stage's actions; how it ends. Writes."""
        for group in run_orders(stage):
            runs = [self._run_of(stage["name"], action) for action in group]
            if all(each.status == SUCCEEDED for each in runs):
                continue
            if self._execution().status == STOPPING and all(not each.body.get("started_at") for each in runs):
                return STOPPED
            runs = [self._begun(action, run) for action, run in zip(group, runs, strict=True)]
            while any(each.status == IN_PROGRESS for each in runs):
                time.sleep(_LOOK_S)
                self._execution()
                runs = [self._looked(action, run) for action, run in zip(group, runs, strict=True)]
            if any(each.status == FAILED for each in runs):
                return FAILED
        return SUCCEEDED

    def _settle(self, stage: str, status: str) -> None:
        with self.cloud.store.write() as connection:
            execution = self._execution()
            set_stage(connection, execution, stage, status)
            if status != SUCCEEDED:
                set_execution(connection, self.identity, self.cloud.clock.now(), status=status, waits_for="")

    def _run_of(self, stage: str, action: Declaration) -> ActionRun:
        """What is known of an action; new if it was never begun."""
        with self.cloud.store.read() as connection:
            for each in actions_of(connection, self.identity):
                if (each.stage, each.action) == (stage, action["name"]):
                    return each
        store = self.pipeline.body["artifactStore"]
        key = store.get("encryptionKey", {}).get("id") or (
            f"arn:aws:kms:{self.pipeline.region}:{self.pipeline.account}:alias/aws/s3"
        )
        outputs = [
            asdict(Artifact(name, store["location"], place_for(self.pipeline.name, name), key))
            for name in artifacts(action, "outputArtifacts")
        ]
        body = {"outputs": outputs, "namespace": action.get("namespace", "")}
        return ActionRun(new_action_id(), self.identity, stage, action["name"], IN_PROGRESS, body)

    def _begun(self, action: Declaration, run: ActionRun) -> ActionRun:
        """The action, begun if it was not yet. Writes: that it is about to begin, and then what began."""
        if run.status != IN_PROGRESS or run.body.get("external"):
            return run
        run = self._note(run.with_(started_at=run.body.get("started_at") or self._now))

        def begin(act: Act) -> ActionRun:
            found = provider_of(action, "").begin(act)
            return self._note(run.with_(external=found)) if isinstance(found, str) else self._well(run, found)

        return self._tried(action, run, begin)

    def _looked(self, action: Declaration, run: ActionRun) -> ActionRun:
        if run.status != IN_PROGRESS:
            return run

        def look(act: Act) -> ActionRun:
            found = provider_of(action, "").look(act, run.body["external"])
            return run if found is None else self._well(run, found)

        return self._tried(action, run, look)

    def _tried(self, action: Declaration, run: ActionRun, work: Callable[[Act], ActionRun]) -> ActionRun:
        """What came of an attempt, failures told. Writes."""
        try:
            return work(self._act(action, run))
        except ActionFailed as failed:
            return self._badly(run, failed)
        except Unresolved as unresolved:
            return self._badly(run, ActionFailed("ConfigurationError", str(unresolved)))
        except AwsError as error:
            return self._badly(run, refused(error, "CodePipeline"))
        except Left:
            raise
        except Exception as error:  # noqa: BLE001  a defect of ours ends the action with its name, not the execution in silence
            _log.exception("action %s of %s", run.action, self.pipeline.arn)
            return self._badly(run, ActionFailed("InternalError", f"The local cloud broke down: {error!r}"))

    def _well(self, run: ActionRun, outcome: Outcome) -> ActionRun:
        told = {"summary": outcome.summary, "revision": outcome.revision, "variables": dict(outcome.variables)}
        return self._note(run.with_(SUCCEEDED, **told))

    def _badly(self, run: ActionRun, failed: ActionFailed) -> ActionRun:
        return self._note(run.with_(FAILED, code=failed.code, message=failed.message))

    def _note(self, run: ActionRun) -> ActionRun:
        noted = run.with_(updated_at=self._now)
        with self.cloud.store.write() as connection:
            self._execution()
            put_action(connection, noted)
        return noted

    @property
    def _now(self) -> str:
        return self.cloud.clock.now().isoformat()

    def _act(self, action: Declaration, run: ActionRun) -> Act:
        execution = self._execution()
        with self.cloud.store.read() as connection:
            done = [each for each in actions_of(connection, self.identity) if each.status == SUCCEEDED]
        made = {each["name"]: Artifact(**each) for other in done for each in other.body["outputs"]}
        known = {
            **{each.body["namespace"]: each.body["variables"] for each in done if each.body["namespace"]},
            "variables": execution.variables,
            "codepipeline": {"PipelineExecutionId": self.identity},
        }
        given = action.get("configuration") or {}
        return Act(
            cloud=self.cloud,
            region=self.pipeline.region,
            role=self._role(action),
            token=run.id,
            configuration={name: resolve(text, known) for name, text in given.items()},
            inputs={name: made[name] for name in artifacts(action, "inputArtifacts")},
            outputs=tuple(Artifact(**each) for each in run.body["outputs"]),
            pipeline=self.pipeline.name,
            revision=execution.revisions.get(run.action, ""),
        )

    def _role(self, action: Declaration) -> Caller:
        """The pipeline's role, or the action's own, which the pipeline's assumes. Writes the decision log."""
        name = self.identity.replace("-", "")
        role = assume_as_service(self.cloud, PRINCIPAL, self.pipeline.body["roleArn"], name, self.pipeline.arn)
        if not action.get("roleArn"):
            return role
        asked = {"RoleArn": action["roleArn"], "RoleSessionName": name}
        vended = self.cloud.invoke(role, "sts", "AssumeRole", asked, self.pipeline.region)
        session = self.cloud.sessions.find(vended["Credentials"]["AccessKeyId"])
        assert session is not None
        return session.caller
