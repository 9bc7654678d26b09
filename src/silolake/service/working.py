"""What the service does to the lake: a commit applied, checked or gone back to; what came about without one."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from silolake import checks
from silolake.errors import SilolakeError
from silolake.reconcile import (
    COMMITTED,
    WATCHED,
    Applied,
    Hearing,
    LakePlan,
    Manner,
    Part,
    explain,
    lines_of,
)
from silolake.rooms import Rooms
from silolake.service import remote
from silolake.service.places import AppliedCommit, Places
from silolake.service.talk import Tell
from silolake.session import Session, load_rooms, opened

_log = logging.getLogger(__name__)
_AT_ONCE = 4
_MOST_ROUNDS = 20


class Turns:
    """One piece of work at a time; who waits is told for what."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self.holder = ""

    @contextmanager
    def taken(self, who: str, tell: Tell = lambda _: None) -> Iterator[None]:
        """Hold the turn while the block works.

        Args:
            who: what it is for, as those who wait are told.
            tell: hears what is waited for.
        """
        if not self._turn.acquire(blocking=False):
            tell(f"waiting for {self.holder or 'other work'} to end")
            self._turn.acquire()
        self.holder = who
        try:
            yield
        finally:
            self.holder = ""
            self._turn.release()


@dataclass(frozen=True)
class Commit:
    """A commit and the folder it lies in."""

    id: str
    folder: Path

    @property
    def short(self) -> str:
        """Its id, as people read it."""
        return self.id[:12]


@dataclass
class Service:
    """The lake of a workspace, changed by one piece of work at a time.

    Attributes:
        places: where things are kept.
        turns: whose turn it is.
        stopping: set once nothing more is to begin.
    """

    places: Places
    turns: Turns
    stopping: threading.Event
    _asked: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def asked_for(self, commit: Commit) -> Iterator[None]:
        """Let a commit's folder stay while the block is at work with it, or waits for its turn."""
        self._asked[commit.id] += 1
        try:
            yield
        finally:
            self._asked[commit.id] -= 1

    def apply(self, commit: Commit, tell: Tell, is_over: Callable[[], bool] = lambda: False) -> int:
        """Bring the lake to what a commit declares; 0 if that has completed. Writes.

        Args:
            commit: what was pushed.
            tell: hears the checks, the plan, and each run as it ends.
            is_over: whether nobody wants more to begin.
        """
        rooms = self._checked(commit, tell)
        if rooms is None:
            tell(f"not applied: {commit.short} is not as it should be; nothing was changed")
            return 1
        with self.turns.taken(f"the push of {commit.short}", tell), self._opened(rooms, commit.id) as session:
            with session.alone():
                completed = self._reconcile(session, COMMITTED, tell, is_over)
            if not completed:
                tell(f"not applied: runs did not complete; push {commit.short} again to go on, or push what mends them")
                return 1
            AppliedCommit(commit.id, str(commit.folder), _now()).keep(self.places)
            remote.forget_commits(self.places, frozenset({commit.id, *+self._asked}))
        tell(f"applied {commit.short}")
        return 0

    def check(self, commit: Commit, tell: Tell) -> int:
        """Test a commit and plan it; change nothing. 0 if it is as it should be.

        Args:
            commit: what was pushed.
            tell: hears the checks and the plan.
        """
        rooms = self._checked(commit, tell)
        if rooms is None:
            return 1
        with self.turns.taken(f"the plan of {commit.short}", tell), self._opened(rooms, commit.id) as session:
            _tell_plan(session.plan(COMMITTED), tell)
        tell(f"{commit.short} is planned, not applied: only main is")
        return 0

    def roll_back(self, name: str, tell: Tell) -> int:
        """Bring the lake to what an earlier commit declares, as a new commit on ``main``. Writes.

        Args:
            name: the earlier commit, by any name that Git knows: ``HEAD~1``, an id.
            tell: hears what a push would.
        """
        repository = self.places.remote
        before = remote.tip(repository)
        earlier = remote.find_commit(repository, name)
        made = remote.commit_tree_of(repository, earlier)
        code = self.apply(Commit(made, remote.check_out(self.places, made, repository)), tell)
        if not code:
            remote.move_main(repository, made, before)
            tell(f"main is {made[:12]} now, with the files of {earlier[:12]}; git pull brings it to your clone")
        return code

    def watch(self) -> tuple[Applied, ...]:
        """Do what came about without a commit: joins, leavings, deliveries, due times. Writes.

        Returns:
            How each run ended; nothing where nothing came about.
        """
        with self.turns.taken("what came about meanwhile"):
            # Only now: whoever had the turn before may have applied another commit.
            found = self._current()
            return self._watch(*found) if found is not None else ()

    def _watch(self, rooms: Rooms, commit: str) -> tuple[Applied, ...]:
        ended: list[Applied] = []
        with self._opened(rooms, commit) as session:
            if not len(session.plan(WATCHED)):
                session.settle()
                return ()
            with session.alone():
                self._reconcile(session, WATCHED, _log.info, lambda: False, ended.append)
        return tuple(ended)

    def _current(self) -> tuple[Rooms, str] | None:
        """The rooms that hold now: of the commit that was applied last, else the workspace's own as they lie there."""
        applied = AppliedCommit.read(self.places)
        try:
            return (load_rooms(Path(applied.folder)), applied.commit) if applied else (load_rooms(self.places.root), "")
        except SilolakeError as error:
            _log.warning("the rooms cannot be read: %s", error)
            return None

    def current_rooms(self) -> Rooms | None:
        """The rooms that hold now; ``None`` where they cannot be read."""
        found = self._current()
        return found[0] if found else None

    @contextmanager
    def _opened(self, rooms: Rooms, commit: str) -> Iterator[Session]:
        with opened(rooms, self.places.data, commit) as session:
            yield session

    def _checked(self, commit: Commit, tell: Tell) -> Rooms | None:
        try:
            rooms = load_rooms(commit.folder)
        except SilolakeError as error:
            tell(f"failed  {error}")
            return None
        found = [*checks.lint(rooms), *checks.test(rooms)]
        failed = [each for each in found if each.problem]
        for each in failed:
            tell(str(each))
        tell(f"{len(failed)} of {len(found)} checks failed" if failed else f"{len(found)} checks passed")
        return None if failed else rooms

    def _reconcile(
        self,
        session: Session,
        parts: frozenset[Part],
        tell: Tell,
        is_over: Callable[[], bool],
        ended: Callable[[Applied], None] = lambda _: None,
    ) -> bool:
        """Plan and apply until nothing is left but what has failed; whether nothing has."""
        failed: set[str] = set()

        def hear(done: Applied) -> None:
            tell(f"{done.status:<11} {explain(done.step)}  {done.wall_s:.1f} s")
            for told in filter(None, (done.reason, *done.concerns)):
                tell(f"            {told}")
            ended(done)

        manner = Manner(
            _AT_ONCE,
            Hearing(ended=hear, waits=lambda tried, s: tell(f"{tried.name}: {tried.reason}; again in {s:.0f} s")),
            stopping=lambda: self.stopping.is_set() or is_over(),
        )
        for number in range(_MOST_ROUNDS):
            plan = session.plan(parts)
            left = LakePlan.of([each for each in plan if each.name not in failed])
            if not len(left):
                if not number:
                    tell("nothing to do: the lake is what this commit declares")
                break
            _tell_plan(left, tell)
            failed |= {each.name for each in session.apply(left, manner) if not each.completed}
            if manner.stopping():
                return False
        return not failed


def _tell_plan(plan: LakePlan, tell: Tell) -> None:
    for line in lines_of(plan):
        tell(line)
    tell(f"{len(plan)} runs" if len(plan) != 1 else "1 run")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
