"""One build, phase by phase.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codebuild.buildspec import Buildspec, BuildspecFault, Phase, read_buildspec
from silolake.localcloud.engines.codebuild.carrying import Carrier, PhaseFailed
from silolake.localcloud.engines.codebuild.files import unpack
from silolake.localcloud.engines.codebuild.place import Place, environment, place_of
from silolake.localcloud.engines.codebuild.projects import is_inline
from silolake.localcloud.engines.codebuild.records import PRINCIPAL, Build, update_build
from silolake.localcloud.engines.codebuild.shell import Halted, Shell
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError
from silolake.localcloud.lending import Lender

_IS_OVER = {"STOPPED": "The build was stopped", "TIMED_OUT": "BUILD_TIMED_OUT: Build has timed out."}


class Building:
    """A build while it goes on, in a thread of its own.

    Args:
        cloud: the local cloud.
        build: the build, as it was kept when it began.
        lender: lends it its role's credentials.
        stopped: the reason why it shall stop, empty while it may go on.
    """

    def __init__(self, cloud: LocalCloud, build: Build, lender: Lender, stopped: Callable[[], str]) -> None:
        self.cloud, self.build, self.lender, self._stopped = cloud, build, lender, stopped
        self.place: Place = place_of(cloud, build)
        self._role: Caller | None = None
        self._spec = Buildspec({})
        self._succeeding = True
        started = datetime.fromisoformat(build.body["startTime"])
        self._ends_at = started + timedelta(minutes=build.body["timeoutInMinutes"])

    def run(self) -> None:
        """Go through every phase, and say what became of the build. Writes."""
        self.place.open()
        status = "SUCCEEDED"
        try:
            status = self._through()
        except Halted as halted:
            status = halted.status
        except Exception as error:
            # A defect of the local cloud's own: the build is told to have faulted, then the log hears of it.
            status = "FAULT"
            self._end_phase("FAULT", "INTERNAL_ERROR", f"the local cloud broke down: {error!r}")
            raise
        finally:
            self._over(status)

    def _through(self) -> str:
        for name in ("SUBMITTED", "QUEUED"):
            self._phase(name, lambda: None)
        if self._phase("PROVISIONING", self._take_role) and self._phase("DOWNLOAD_SOURCE", self._bring_source):
            self._follow()
        self._phase("FINALIZING", lambda: None)
        return "SUCCEEDED" if self._succeeding else "FAILED"

    def _follow(self) -> None:
        """The phases of the buildspec, and what is kept of them.

        https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases
        """
        assert self._role is not None
        said = {**self._spec.variables, **_named(self.build.body["environment"]["environmentVariables"])}
        with self.lender.lent(self.build.uuid, self._role.principal) as lent:
            around = environment(self.cloud, self.build, self.place, said, lent)
            shell = Shell(self._spec.shell, self.place.state, self.place.source, around, self.place.log)
            try:
                if self._commands(shell):
                    self._phase("UPLOAD_ARTIFACTS", self._keep)
                self._export(shell)
            finally:
                shell.close()

    def _commands(self, shell: Shell) -> bool:
        """Run the phases; whether artifacts are to be uploaded."""
        for name, phase in self._spec.phases.items():
            went_well = self._phase(name.upper(), lambda phase=phase: self._run(shell, phase))  # type: ignore[misc]
            if went_well:
                continue
            # A failed build is still followed by POST_BUILD and by the upload; nothing follows the phases before it.
            goes_on = phase.on_failure == "CONTINUE" or (not phase.on_failure and name in ("build", "post_build"))
            if not goes_on:
                return False
        return True

    def _run(self, shell: Shell, phase: Phase) -> None:
        succeeding = f"export CODEBUILD_BUILD_SUCCEEDING={int(self._succeeding)}\n"
        failed: PhaseFailed | None = None
        for part in (phase.commands, phase.last):
            for command in part:
                self._say(f"Running command {command}")
                status = shell.run(succeeding + command, self._halt)
                if status:
                    self._say(f"Command did not exit successfully {command} exit status {status}")
                    failed = failed or PhaseFailed(
                        "COMMAND_EXECUTION_ERROR",
                        f"Error while executing command: {command}. Reason: exit status {status}",
                    )
                    break
        if failed:
            raise failed

    def _export(self, shell: Shell) -> None:
        """Read the variables that the buildspec exports. Writes.

        https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.exported-variables
        """
        found = []
        for name in self._spec.exported:
            path = self.place.state / f"exported-{name}"
            shell.run(f"printf '%s' \"${{{name}-}}\" > '{path}'", self._halt)
            found.append({"name": name, "value": path.read_text() if path.exists() else ""})
        self._note(exportedEnvironmentVariables=found)

    def _take_role(self) -> None:
        arn = self.build.body["serviceRole"]
        try:
            self._role = assume_as_service(
                self.cloud, PRINCIPAL, arn, f"AWSCodeBuild-{self.build.uuid}", self._project_arn
            )
        except AwsError as error:
            message = f"CodeBuild is not authorized to perform: sts:AssumeRole on {arn}. {error.message}"
            raise PhaseFailed("ACCESS_DENIED", message) from error

    @property
    def _project_arn(self) -> str:
        return f"{self.build.arn.rpartition('build/')[0]}project/{self.build.project}"

    @property
    def _carrier(self) -> Carrier:
        assert self._role is not None
        return Carrier(self.cloud, self._role, self.build, self.place)

    def _bring_source(self) -> None:
        source = self.build.body["source"]
        for content, directory, version in self._carrier.sources():
            try:
                unpack(content, directory)
            except (zipfile.BadZipFile, OSError) as error:
                raise PhaseFailed("CLIENT_ERROR", f"error while unzipping the source: {error}") from error
            if directory == self.place.source and version:
                self._note(resolvedSourceVersion=version)
        text = source.get("buildspec", "")
        if not is_inline(text):
            path = (self.place.source / (text or "buildspec.yml")).resolve()
            if not path.is_file() or not path.is_relative_to(self.place.source.resolve()):
                raise PhaseFailed("YAML_FILE_ERROR", f"YAML file does not exist: {text or 'buildspec.yml'}")
            text = path.read_text(errors="replace")
        try:
            self._spec = read_buildspec(text)
        except BuildspecFault as fault:
            raise PhaseFailed("YAML_FILE_ERROR", str(fault)) from fault
        if asked := self._spec.runtimes.get("python"):
            self._say(f"python {asked} is asked for; builds of the local cloud run the Python that it runs itself")

    def _keep(self) -> None:
        artifacts = self._carrier.keep(self._spec)
        if artifacts:
            self._note(artifacts=artifacts)

    def _halt(self) -> str:
        if self._stopped():
            return "STOPPED"
        return "TIMED_OUT" if self.cloud.clock.now() >= self._ends_at else ""

    def _phase(self, name: str, work: Callable[[], None]) -> bool:
        """Go through one phase; whether it went well. Writes."""
        self._begin_phase(name)
        try:
            if status := self._halt():
                raise Halted(status)
            work()
        except PhaseFailed as failed:
            self._succeeding = False
            self._end_phase("FAILED", failed.code, failed.message)
            return False
        except Halted as halted:
            self._succeeding = False
            self._end_phase(halted.status, "", self._stopped() or _IS_OVER[halted.status])
            raise
        self._end_phase("SUCCEEDED")
        return True

    def _begin_phase(self, name: str) -> None:
        self._say(f"Entering phase {name}")
        begun = {"phaseType": name, "phaseStatus": "IN_PROGRESS", "startTime": self._now}
        self._note(currentPhase=name, phases=[*self.build.body["phases"], begun])

    def _end_phase(self, status: str, code: str = "", message: str = "") -> None:
        *before, phase = self.build.body["phases"]
        lasted = self.cloud.clock.now() - datetime.fromisoformat(phase["startTime"])
        ended: Mapping[str, Any] = {
            **phase,
            "phaseStatus": status,
            "endTime": self._now,
            "durationInSeconds": int(lasted.total_seconds()),
            "contexts": [{"statusCode": code, "message": message}],
        }
        self._say(f"Phase complete: {phase['phaseType']} State: {status}")
        self._say(f"Phase context status code: {code} Message: {message}")
        self._note(phases=[*before, ended])

    def _over(self, status: str) -> None:
        if self._role is not None:
            try:
                self._carrier.keep_log()
            except AwsError as error:
                status = "FAILED" if status == "SUCCEEDED" else status
                self._say(f"The log cannot be uploaded: {error}")
        self.place.clear()
        completed = {"phaseType": "COMPLETED", "startTime": self._now}
        self.build = replace(self.build, status=status)
        self._note(currentPhase="COMPLETED", endTime=self._now, phases=[*self.build.body["phases"], completed])

    @property
    def _now(self) -> str:
        return self.cloud.clock.now().isoformat()

    def _note(self, **members: Any) -> None:
        self.build = self.build.with_(**members)
        with self.cloud.store.write() as connection:
            update_build(connection, self.build)

    def _say(self, text: str) -> None:
        with self.place.log.open("a") as log:
            log.write(f"[Container] {self.cloud.clock.now():%Y/%m/%d %H:%M:%S} {text}\n")


def _named(variables: list[dict[str, str]]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in variables}
