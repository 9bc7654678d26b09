"""What can go wrong, as one tree.

Every error says what happened, where, and what to do; its facts are attributes.
They are handed to ``super().__init__`` so that an error survives a worker's pickle.
``failure`` is its class, for whoever may try again.

    SilolakeError
    ├── RoomError                 a line of a room cannot be understood
    ├── NotAWorkspace             no silolake.yaml here or above
    ├── WrongState                what is asked for does not fit what is there
    │   ├── UnknownName           no silo, view, pipeline, account, notebook of that name
    │   └── GroundMoved           a saved plan's ground has changed
    ├── CloudError                the cloud answered with an error
    │   ├── Denied                IAM said no
    │   └── Throttled             too fast; try again
    ├── CloudUnreachable          nothing answers at the endpoint
    ├── QueryFailed               Athena ended a query as FAILED or CANCELLED
    ├── ContractBroken            rows do not meet their data contract
    ├── StepFailed                one step of a plan did not do what it says
    ├── RunFailed                 a notebook run did not end as completed
    │   └── BadParameters         parameters a notebook does not take
    ├── CannotFork                a kernel cannot be forked here; it can be spawned
    ├── LocalCloudError           the local cloud cannot start or go on
    │   ├── PortTaken
    │   ├── AlreadyRunning
    │   └── StateCorrupt
    └── Interrupted               a person or a signal ended the work
"""

from __future__ import annotations


class SilolakeError(Exception):
    """The root of everything silolake raises on purpose.

    ``failure`` is its class for whoever may try again: ``throttled``, ``unreachable``, or ``failed`` for what will not
    be otherwise the next time.
    """

    failure = "failed"


class RoomError(SilolakeError):
    """A line of a room cannot be understood.

    Attributes:
        path: the file, relative to the workspace where it is known.
        line: the line, counted from 1; 0 where the fault is the file as a whole.
        problem: what is wrong.
        advice: what to do.
    """

    def __init__(self, path: str, line: int, problem: str, advice: str) -> None:
        super().__init__(path, line, problem, advice)
        self.path, self.line, self.problem, self.advice = path, line, problem, advice

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.problem}. {self.advice}"


class NotAWorkspace(SilolakeError):
    """No ``silolake.yaml`` in this folder or above it."""

    def __init__(self, start: str) -> None:
        super().__init__(start)
        self.start = start

    def __str__(self) -> str:
        return (
            f"{self.start} is not inside a workspace: no silolake.yaml here or above. "
            "Run silolake init, or cd into the clone."
        )


class WrongState(SilolakeError):
    """What is asked for does not fit what is there."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem, advice)
        self.problem, self.advice = problem, advice

    def __str__(self) -> str:
        return f"{self.problem}. {self.advice}"


class UnknownName(WrongState):
    """Nothing of that kind has that name."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        SilolakeError.__init__(self, kind, name, known)
        self.kind, self.name, self.known = kind, name, known

    def __str__(self) -> str:
        listed = ", ".join(self.known) if self.known else "none"
        return f"there is no {self.kind} {self.name!r}. Known: {listed}."


class GroundMoved(WrongState):
    """What a step had read when it was planned has changed since."""

    def __init__(self, step: str) -> None:
        SilolakeError.__init__(self, step)
        self.step = step

    def __str__(self) -> str:
        return f"the ground of this step has moved since it was planned: {self.step}. Plan again."


class CloudError(SilolakeError):
    """The cloud answered a call with an error."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(operation, code, message)
        self.operation, self.code, self.message = operation, code, message

    def __str__(self) -> str:
        return f"{self.operation} answered {self.code}: {self.message}"


class Denied(CloudError):
    """IAM said no. ``silolake why`` tells which statement of which policy decided."""

    def __str__(self) -> str:
        return f"{self.operation} was denied: {self.message} (silolake why tells which statement decided)"


class Throttled(CloudError):
    """The cloud asks for patience."""

    failure = "throttled"


class CloudUnreachable(SilolakeError):
    """Nothing answers at the endpoint."""

    failure = "unreachable"

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(endpoint, reason)
        self.endpoint, self.reason = endpoint, reason

    def __str__(self) -> str:
        return (
            f"nothing answers at {self.endpoint}: {self.reason}. "
            "Is the local cloud up? Run silolake up, or silolake doctor."
        )


class QueryFailed(SilolakeError):
    """Athena ended a query as FAILED or CANCELLED."""

    def __init__(self, query_id: str, state: str, reason: str) -> None:
        super().__init__(query_id, state, reason)
        self.query_id, self.state, self.reason = query_id, state, reason

    def __str__(self) -> str:
        return f"query {self.query_id} ended {self.state}: {self.reason}"


class ContractBroken(SilolakeError):
    """Rows in a drop zone do not meet the data contract."""

    def __init__(self, contract: str, source: str, failures: int, first: str) -> None:
        super().__init__(contract, source, failures, first)
        self.contract, self.source, self.failures, self.first = contract, source, failures, first

    def __str__(self) -> str:
        broken = f"{self.failures} rows break" if self.failures else "the file as a whole breaks"
        return (
            f"{self.source}: {broken} the {self.contract} contract; first, {self.first}. "
            f"Mend the file and deliver it again, or change pipelines/{self.contract}/contract.yaml."
        )


class StepFailed(SilolakeError):
    """One step of a plan did not do what it says."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(step, reason)
        self.step, self.reason = step, reason

    def __str__(self) -> str:
        return f"{self.step}: {self.reason}"


class RunFailed(SilolakeError):
    """A notebook run did not end as completed."""

    def __init__(self, run_id: str, notebook: str, status: str, reason: str) -> None:
        super().__init__(run_id, notebook, status, reason)
        self.run_id, self.notebook, self.status, self.reason = run_id, notebook, status, reason

    def __str__(self) -> str:
        return (
            f"run {self.run_id} of {self.notebook} ended {self.status}: {self.reason}. "
            f"silolake runs show {self.run_id} tells more."
        )


class BadParameters(RunFailed):
    """Parameters that a notebook does not take; told before its kernel starts."""

    def __init__(self, notebook: str, problems: tuple[str, ...]) -> None:
        SilolakeError.__init__(self, notebook, problems)
        self.run_id, self.notebook, self.status, self.problems = "", notebook, "not run", problems
        self.reason = "; ".join(problems)

    def __str__(self) -> str:
        return f"{self.notebook} was not run: {self.reason}."


class CannotFork(SilolakeError):
    """A kernel cannot be forked from a preloaded process here; whoever wanted one can spawn it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no kernel can be forked here: {self.reason}. SILOLAKE_KERNELS=spawn starts each one afresh."


class LocalCloudError(SilolakeError):
    """The local cloud cannot start or go on."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem, advice)
        self.problem, self.advice = problem, advice

    def __str__(self) -> str:
        return f"{self.problem}. {self.advice}"


class PortTaken(LocalCloudError):
    """Another program listens on the port."""


class AlreadyRunning(LocalCloudError):
    """Another local cloud holds the same data directory."""


class StateCorrupt(LocalCloudError):
    """The local cloud's state cannot be read; nothing of it was changed."""


class Interrupted(SilolakeError):
    """A person or a signal ended the work; what was acknowledged stays."""

    def __init__(self, during: str) -> None:
        super().__init__(during)
        self.during = during

    def __str__(self) -> str:
        return f"interrupted during {self.during}; run the same command again to go on."
