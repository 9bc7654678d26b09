"""The verb ``validate``: new drops held to their contract, good rows promoted, bad ones quarantined with a receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from silolake.cloud import Cloud
from silolake.errors import UnknownName, WrongState
from silolake.model import Account, ObjectVersion, OuPath
from silolake.pipelines.drops import Listed, list_drops
from silolake.pipelines.promoting import DATABASE, find_table, unregistered
from silolake.pipelines.receipts import Ledger
from silolake.pipelines.reports import DropReport, ValidationReport
from silolake.pipelines.taking import Desk, Zones
from silolake.rooms import Rooms


def validate(
    cloud: Cloud,
    rooms: Rooms,
    pipeline_name: str,
    silo: Account,
    drops: Sequence[ObjectVersion] | None = None,
) -> ValidationReport:
    """Hold drops of one silo to a pipeline's contract; promote good rows, quarantine bad ones, give receipts. Writes.

    A drop that has its receipt already is not taken again. What was killed midway may be called again, and ends in the
    same state.

    Args:
        cloud: the silo's runner.
        rooms: the workspace's.
        pipeline_name: which pipeline.
        silo: whose drop zone.
        drops: which object versions; ``None`` for all that are new.

    Returns:
        What became of each drop. One that the cloud would not let be read or written is among them, without a
        receipt, and does not hold up the others.

    Raises:
        UnknownName: there is no such pipeline.
        WrongState: a drop is not of this silo and pipeline; or the silo's table is not there, or not the contract's.
        CloudError: the silo's drop zone cannot be listed.
    """
    if pipeline_name not in rooms.pipelines:
        raise UnknownName("pipeline", pipeline_name, tuple(sorted(rooms.pipelines)))
    pipeline, settings = rooms.pipelines[pipeline_name], rooms.settings
    if pipeline.promise is None:
        raise WrongState(f"the pipeline {pipeline_name} takes no deliveries", "Add drop: and contract: to it")
    zones = Zones(*(settings.bucket(silo.id, zone) for zone in ("drop", "raw", "processed", "quarantine")))
    for drop in drops or ():
        if drop.bucket != zones.drop or not drop.key.startswith(pipeline.drop):
            told = f"{drop} does not lie in s3://{zones.drop}/{pipeline.drop}"
            raise WrongState(told, f"Validate it in the silo and the pipeline it was delivered to, not {pipeline.name}")
    ledger = Ledger(cloud, zones.quarantine, pipeline.name)
    listed, taken = list_drops(cloud, zones.drop, pipeline.drop), ledger.taken()
    chosen = _chosen(listed, taken, drops)
    if not chosen:
        return ValidationReport(silo.name, pipeline.name, ())
    table = find_table(cloud, pipeline.contract, zones.processed)
    desk = Desk(cloud, pipeline, zones, ledger, table, taken)
    reports = tuple(desk.report(drop, listed) for drop in chosen)
    missing = (*_without_receipt(ledger, reports), *_unregistered(cloud, pipeline.product, reports))
    return ValidationReport(silo.name, pipeline.name, reports, missing)


def require_target(rooms: Rooms, pipeline_name: str, silo: Account, units: Mapping[str, OuPath]) -> None:
    """Refuse a pipeline in an account that it is not for. Pure.

    Raises:
        UnknownName: there is no such pipeline.
        WrongState: its targets leave the account out.
    """
    if pipeline_name not in rooms.pipelines:
        raise UnknownName("pipeline", pipeline_name, tuple(sorted(rooms.pipelines)))
    pipeline = rooms.pipelines[pipeline_name]
    if not pipeline.targets.matches(silo, units):
        told = f"the pipeline {pipeline.name} is for {pipeline.targets}, and {silo.name} is not among these"
        raise WrongState(told, f"Name another pipeline, or change pipelines/{pipeline.name}/pipeline.yaml")


def _chosen(
    listed: Sequence[Listed], taken: frozenset[str], drops: Sequence[ObjectVersion] | None
) -> tuple[ObjectVersion, ...]:
    """What is to be taken: what is asked for, or all that is new; before it, the never-taken versions of those keys."""
    if drops is None:
        drops = [each.drop for each in listed if each.is_latest and each.drop.version_id not in taken]
    keys = {drop.key for drop in drops} & {each.drop.key for each in listed if each.is_latest}
    outdated = (
        each.drop
        for each in listed
        if each.drop.key in keys and not each.is_latest and each.drop.version_id not in taken
    )
    return tuple(dict.fromkeys((*outdated, *drops)))


def _without_receipt(ledger: Ledger, reports: Sequence[DropReport]) -> Iterator[str]:
    taken = ledger.taken()
    for each in reports:
        if each.receipt and each.drop.version_id not in taken:
            yield f"{each.drop.key} has no receipt in the ledger"


def _unregistered(cloud: Cloud, product: str, reports: Sequence[DropReport]) -> Iterator[str]:
    wanted = [values for each in reports if each.receipt for values in each.receipt.partitions]
    for values in unregistered(cloud, product, wanted):
        yield f"the partition {'/'.join(values)} of {DATABASE}.{product} is not registered"
