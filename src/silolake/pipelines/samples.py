"""A pipeline's samples held against its contract: the good one keeps it, the bad one breaks it as its receipt says."""

from __future__ import annotations

import json
from collections.abc import Iterator

from silolake.contracts import check_csv
from silolake.rooms import Pipeline

GOOD, BAD, RECEIPT = "good.csv", "bad.csv", "bad.receipt.json"


def hold_samples(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Each sample's file, and what is wrong with it; nothing where it is as it should be. Reads only files."""
    folder = pipeline.samples
    if folder is None:
        return
    if (folder / GOOD).is_file():
        with (folder / GOOD).open("rb") as stream:
            checked = check_csv(stream, pipeline.contract)
        first = str(checked.faults[0]) if checked.faults else "it has no row"
        yield GOOD, "" if checked.is_good and checked.rows_total else f"it breaks the contract: {first}"
    if (folder / BAD).is_file():
        with (folder / BAD).open("rb") as stream:
            checked = check_csv(stream, pipeline.contract)
        yield BAD, "" if checked.faults else "it keeps the contract, and should break it"
        if (folder / RECEIPT).is_file():
            yield RECEIPT, _receipt_fault((folder / RECEIPT).read_text(encoding="utf-8"), checked.receipt())


def _receipt_fault(text: str, receipt: object) -> str:
    try:
        said = json.loads(text)
    except ValueError as error:
        return f"it is not JSON: {error}"
    return "" if said == receipt else "the bad sample's receipt says otherwise"
