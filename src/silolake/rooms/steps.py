"""Reading the steps of a pipeline: notebooks, what each comes after, how often it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import cast, get_args

from silolake.contracts.lines import Node, advise
from silolake.rooms.organization import declared_selector
from silolake.rooms.reading import inside, name_of, one_of
from silolake.rooms.values import Failure, Organization, Retries, Step

# What may be otherwise the next time, without anybody's doing.
_PASSING: tuple[Failure, ...] = ("throttled", "unreachable", "kernel died")
_MOST_ATTEMPTS, _LONGEST_BACKOFF_S, _LONGEST_S = 10, 3600, 24 * 3600


def read_steps(node: Node, entry: Mapping[str, Node], organization: Organization) -> tuple[Step, ...]:
    """The steps of a pipeline, each after those it waits for.

    Args:
        node: the pipeline.
        entry: its keys, of which ``notebook`` or ``steps`` is read.
        organization: for the selectors of steps.

    Raises:
        RoomError: where they cannot be understood, share a name, or wait for each other.
    """
    if ("notebook" in entry) == ("steps" in entry):
        raise node.fault(
            "a pipeline has either a notebook or steps", "Write notebook: for one, steps: for several in order."
        )
    if "notebook" in entry:
        notebook = inside(entry["notebook"], ".ipynb")
        name = PurePosixPath(notebook).stem
        return (Step(name, notebook, {}, path=node.path, line=node.key_lines["notebook"]),)
    items = entry["steps"].items("- name: …")
    if not items:
        raise entry["steps"].fault("no step is listed", "List at least one - name: and notebook:.")
    found: dict[str, Step] = {}
    for item in items:
        step = _step(item, tuple(found), organization)
        if step.name in found:
            told = f"two steps are called {step.name!r}"
            raise item.fault_at("name", told, f"The other one is at line {found[step.name].line}.")
        found[step.name] = step
    return _ordered(entry["steps"], items, found)


def _step(item: Node, before: tuple[str, ...], organization: Organization) -> Step:
    entry = item.fields(("name", "notebook"), ("parameters", "after", "targets", "retries", "timeout_s"))
    given = entry["parameters"].entries("parameters") if "parameters" in entry else {}
    return Step(
        name=name_of(entry["name"], "a step's name").text,
        notebook=inside(entry["notebook"], ".ipynb"),
        parameters={key: value.plain() for key, value in given.items()},
        # Where nothing is said, steps come in the order they are written in.
        after=entry["after"].texts("a step's name") if "after" in entry else before[-1:],
        targets=declared_selector(entry["targets"], organization) if "targets" in entry else None,
        retries=_retries(entry["retries"]) if "retries" in entry else Retries(),
        timeout_s=_within(entry["timeout_s"], "a time-out", 1, _LONGEST_S) if "timeout_s" in entry else 0,
        path=item.path,
        line=item.line,
    )


def _ordered(node: Node, items: tuple[Node, ...], found: Mapping[str, Step]) -> tuple[Step, ...]:
    for item, step in zip(items, found.values(), strict=True):
        for name in step.after:
            if name not in found:
                raise item.fault_at("after", f"no step is called {name!r}", advise(name, found))
    try:
        order = TopologicalSorter({step.name: step.after for step in found.values()}).static_order()
        return tuple(found[name] for name in order)
    except CycleError as error:
        told = f"steps wait for each other: {' → '.join(error.args[1])}"
        raise node.fault(told, "Take one after: of the ring away.") from None


def _retries(node: Node) -> Retries:
    entry = node.fields(("attempts",), ("backoff_s", "on"))
    known = get_args(Failure)
    listed = entry["on"].items("a class of failure") if "on" in entry else ()
    on = tuple(cast(Failure, one_of(each, "a class of failure", known)) for each in listed)
    if "on" in entry and not on:
        raise entry["on"].fault("no class of failure is listed", f"List some of {', '.join(known)}.")
    return Retries(
        attempts=_within(entry["attempts"], "a number of attempts", 2, _MOST_ATTEMPTS),
        backoff_s=float(_within(entry["backoff_s"], "a wait", 0, _LONGEST_BACKOFF_S)) if "backoff_s" in entry else 2.0,
        on=tuple(dict.fromkeys(on)) or _PASSING,
    )


def _within(node: Node, what: str, least: int, most: int) -> int:
    number = node.whole()
    if not least <= number <= most:
        raise node.fault(f"{number} is not {what}", f"Write {least} to {most}.")
    return number
