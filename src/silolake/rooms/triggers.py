"""Reading what makes a pipeline run: a commit, a delivery, a schedule, another pipeline's end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from silolake import schedules
from silolake.contracts.lines import Node, advise
from silolake.rooms.reading import one_of
from silolake.rooms.values import Missed, OnCommit, OnDelivery, OnEnd, OnSchedule, Trigger

_WORDS: Mapping[str, Trigger] = {"commit": OnCommit(), "delivery": OnDelivery()}


def read_triggers(node: Node, entry: Mapping[str, Node], *, delivered: bool) -> tuple[Trigger, ...]:
    """The triggers of a pipeline; where none is said, a pipeline with a drop runs on delivery.

    Args:
        node: the pipeline.
        entry: its keys, of which ``triggers`` is read.
        delivered: whether it has a drop.

    Raises:
        RoomError: where one cannot be understood, or can never come.
    """
    if "triggers" not in entry:
        if not delivered:
            told = "nothing makes it run: it has no drop and no triggers"
            raise node.fault(told, "Add triggers: [commit], or a schedule, or drop: and contract:.")
        return (OnDelivery(),)
    found: list[Trigger] = []
    for item in entry["triggers"].items("triggers"):
        trigger = _trigger(item)
        if trigger in found:
            raise item.fault("this trigger is listed twice", "Take one of them away.")
        if isinstance(trigger, OnDelivery) and not delivered:
            raise item.fault("nothing is delivered to it: it has no drop", "Add drop: and contract:, or take it away.")
        found.append(trigger)
    if not found:
        raise entry["triggers"].fault("no trigger is listed", f"List {', '.join(_WORDS)}, schedule: or after:.")
    return tuple(found)


def _trigger(item: Node) -> Trigger:
    if not isinstance(item.value, Mapping):
        word = item.text("a trigger")
        if word not in _WORDS:
            raise item.fault(f"{word!r} is not a trigger", advise(word, (*_WORDS, "schedule: …", "after: …")))
        return _WORDS[word]
    if "after" in item.value:
        return OnEnd(item.fields(("after",))["after"].text("a pipeline's name"))
    entry = item.fields(("schedule",), ("time_zone", "missed"))
    missed = one_of(entry["missed"], "what becomes of missed times", get_args(Missed)) if "missed" in entry else "last"
    zone = entry["time_zone"].text("a time zone") if "time_zone" in entry else "UTC"
    when = entry["schedule"].text("a schedule")
    try:
        schedules.parse(when, zone)
    except ValueError as error:
        problem, _, advice = str(error).partition("; ")
        raise entry["schedule"].fault(problem, f"{advice[:1].upper()}{advice[1:]}." if advice else "Mend it.") from None
    return OnSchedule(when, zone, cast(Missed, missed))
