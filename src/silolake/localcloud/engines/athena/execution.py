"""Running a query, from the moment it leaves the queue to its end."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from silolake import athena, sql
from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.athena import definitions, history, repair, running, shows, views, writing
from silolake.localcloud.engines.athena.errors import SYSTEM, USER, ErrorType, QueryFailed
from silolake.localcloud.engines.athena.history import Execution, Outcome, Stopped
from silolake.localcloud.engines.athena.names import DEFAULT_CATALOG
from silolake.localcloud.engines.athena.outputs import Outputs, text_columns
from silolake.localcloud.engines.athena.relations import Context, Named, resolve
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.athena.storage import bind
from silolake.localcloud.engines.athena.workgroups import find_workgroup
from silolake.localcloud.engines.s3.holds import holding
from silolake.localcloud.errors import AwsError

_log = logging.getLogger(__name__)

_ATTEMPTS = 5
MEMORY_LIMIT, THREADS = "2GB", 2
_KINDS = {
    "TABLE_NOT_FOUND": ErrorType.NO_SUCH_TABLE,
    "VIEW_IS_STALE": ErrorType.INVALID_VIEW,
    "INVALID_VIEW": ErrorType.INVALID_VIEW,
    "NOT_SUPPORTED": ErrorType.NOT_SUPPORTED,
    "MALFORMED_QUERY": ErrorType.SYNTAX,
    "GENERIC_INTERNAL_ERROR": ErrorType.INTERNAL,
}


class ScannedTooMuch(Exception):
    """A query that would read more than its workgroup lets it."""


@dataclass(slots=True)
class Work:
    """One query at work.

    Attributes:
        directory: an empty directory of its own.
        scanned: bytes, as far as known.
        planned_s: how long it took until DuckDB was asked.
    """

    cloud: LocalCloud
    execution: Execution
    rights: Rights
    outputs: Outputs
    context: Context
    session: athena.Session
    directory: Path
    cutoff: int | None
    is_enforced: bool
    began: float
    scanned: int = 0
    planned_s: float = 0.0

    def scan(self, count: int) -> None:
        """Count bytes that are about to be read.

        Raises:
            ScannedTooMuch: beyond what the workgroup allows.
        """
        self.scanned += count
        if self.cutoff is not None and self.scanned > self.cutoff:
            raise ScannedTooMuch

    def sources(self, named: Named, held: ExitStack) -> list[athena.Source]:
        """The tables a query reads, bound; their blobs stay while ``held`` is open.

        Raises:
            QueryFailed: objects are replaced faster than they can be opened.
        """
        for _ in range(_ATTEMPTS):
            bound = [bind(self.rights, used) for used in named.tables.values()]
            with ExitStack() as now:
                now.enter_context(holding(self.cloud, *(blob for each in bound for blob in each.blobs)))
                # What was replaced between the listing and the hold is gone: the listing is made again.
                if all(self.cloud.blobs.path(blob).exists() for each in bound for blob in each.blobs):
                    held.push(now.pop_all())
                    self.planned_s = time.monotonic() - self.began
                    return [each.source for each in bound]
        raise QueryFailed("HIVE_CANNOT_OPEN_SPLIT: the table's objects change while they are opened", ErrorType.DATA)


def run(cloud: LocalCloud, caller: Caller, execution: Execution, statement: sql.Statement) -> None:
    """Run a query that waits, and remember how it ended. Writes.

    Args:
        caller: who started it, forwarded by Athena.
    """
    directory = cloud.directory / "athena" / execution.id
    internal = QueryFailed("Internal error: the query could not be run.", ErrorType.INTERNAL, SYSTEM)
    ending: Outcome | QueryFailed | Stopped = internal
    try:
        if _begins(cloud, execution.id):
            directory.mkdir(parents=True)
            ending = _ended(cloud, caller, execution, statement)
        else:
            ending = Stopped()
    finally:
        if ending is internal:
            # In a finally block the exception under way is known; nobody waits for this thread to raise it.
            _log.error("query %s could not be run", execution.id, exc_info=True)
        shutil.rmtree(directory, ignore_errors=True)
        _remember(cloud, execution.id, ending)
        running.end(execution.id)


def _begins(cloud: LocalCloud, identity: str) -> bool:
    with cloud.store.write() as connection:
        return history.begin(connection, identity)


def _remember(cloud: LocalCloud, identity: str, ending: Outcome | QueryFailed | Stopped) -> None:
    at = cloud.clock.now()
    with cloud.store.write() as connection:
        match ending:
            case Outcome():
                history.succeed(connection, identity, ending, at)
            case QueryFailed():
                history.fail(connection, identity, ending, at)
            case Stopped():
                history.cancel(connection, identity, at, ending.reason)


def _ended(
    cloud: LocalCloud, caller: Caller, execution: Execution, statement: sql.Statement
) -> Outcome | QueryFailed | Stopped:
    """How the query ends: well, badly, or stopped."""
    session = athena.Session(MEMORY_LIMIT, THREADS, cloud.directory / "athena" / execution.id)
    try:
        with session, running.interruptible(execution.id, session.interrupt):
            return _perform(_work(cloud, caller, execution, session), statement)
    except QueryFailed as failure:
        # Not the one that was raised: its traceback would keep cursors, and their snapshot of the store, open.
        return QueryFailed(failure.reason, failure.kind, failure.category)
    except sql.SqlRefused as refused:
        return QueryFailed(str(refused), _KINDS.get(refused.code, ErrorType.USER), USER)
    except athena.QueryFault as fault:
        return QueryFailed(str(fault), _KINDS.get(fault.code, ErrorType.DATA), fault.error_category)
    except athena.QueryCancelled:
        return Stopped()
    except ScannedTooMuch:
        return Stopped("Query cancelled! : Bytes scanned limit was exceeded")
    except AwsError as error:
        return QueryFailed(f"{error.code}: {error.message}", ErrorType.USER)


def _work(cloud: LocalCloud, caller: Caller, execution: Execution, session: athena.Session) -> Work:
    with cloud.store.read() as connection:
        workgroup = find_workgroup(connection, execution.account, execution.region, execution.workgroup)
    rights = Rights(cloud, caller, execution.region, execution.id)
    where = execution.body["QueryExecutionContext"]
    return Work(
        cloud,
        execution,
        rights,
        Outputs(rights, execution.body["ResultConfiguration"]),
        Context(execution.account, where.get("Catalog", DEFAULT_CATALOG), where.get("Database")),
        session,
        cloud.directory / "athena" / execution.id,
        workgroup.configuration.get("BytesScannedCutoffPerQuery"),
        workgroup.is_enforced,
        time.monotonic(),
    )


def _perform(work: Work, statement: sql.Statement) -> Outcome:
    match statement:
        case sql.Query():
            return _select(work, statement)
        case sql.CreateTableAs() | sql.InsertInto() | sql.Unload():
            return _write(work, statement)
        case sql.RepairTable():
            return _answer(work, (), repair.repair(work.rights, work.context, statement))
        case (
            sql.ShowDatabases()
            | sql.ShowTables()
            | sql.ShowViews()
            | sql.ShowPartitions()
            | sql.ShowColumns()
            | sql.ShowCreateTable()
            | sql.ShowCreateView()
            | sql.ShowTableProperties()
            | sql.Describe()
        ):
            return _answer(work, *shows.show(work.rights, work.context, statement))
        case _:
            _define(work, statement)
            return _answer(work, (), [])


def _define(work: Work, statement: sql.Statement) -> None:
    rights, context = work.rights, work.context
    try:
        match statement:
            case sql.CreateExternalTable():
                definitions.create_table(rights, context, statement)
            case sql.CreateView():
                views.create_view(rights, context, statement)
            case sql.DropTable() | sql.DropView():
                definitions.drop_table(rights, context, statement)
            case sql.CreateDatabase():
                definitions.create_database(rights, context, statement)
            case sql.DropDatabase():
                definitions.drop_database(rights, context, statement)
            case sql.AddPartitions():
                definitions.add_partitions(rights, context, statement)
            case sql.DropPartitions():
                definitions.drop_partitions(rights, context, statement)
            case sql.AddColumns():
                definitions.add_columns(rights, context, statement)
            case sql.SetTableProperties():
                definitions.set_properties(rights, context, statement)
            case sql.SetLocation():
                definitions.set_location(rights, context, statement)
            case _:
                raise sql.SqlNotPlayed(type(statement).__name__)
    except AwsError as error:
        raise definitions.ddl_failed(error.message) from error


def _select(work: Work, statement: sql.Query) -> Outcome:
    named = resolve(work.rights, work.context, statement)
    found = sql.translate(statement, named.relations, work.context.catalog, work.context.database)
    path = work.directory / "result.csv"
    with ExitStack() as held:
        result = work.session.run(found, work.sources(named, held), work.directory)
        work.scan(result.scanned_bytes)
        result.write_csv(path)
    columns = [each.as_dict() for each in result.columns]
    with path.open("rb") as body:
        work.outputs.put(work.execution.output_location, body)
    work.outputs.put_metadata(work.execution.output_location, work.execution.id, columns)
    return Outcome(columns, None, _statistics(work))


def _write(work: Work, statement: sql.CreateTableAs | sql.InsertInto | sql.Unload) -> Outcome:
    named = resolve(work.rights, work.context, statement)
    location = work.execution.output_location
    with ExitStack() as held:

        def write(found: sql.Translation, to: athena.Destination) -> Sequence[athena.WrittenFile]:
            to.directory.mkdir()
            files, scanned = work.session.write(found, work.sources(named, held), to)
            work.scan(scanned)
            return files

        asked = writing.Writing(
            work.rights,
            work.context,
            named,
            write,
            work.directory / "rows",
            work.outputs,
            location.removesuffix(f"/tables/{work.execution.id}"),
            work.is_enforced,
            work.execution.id,
        )
        match statement:
            case sql.CreateTableAs():
                written = writing.create_table_as(asked, statement)
            case sql.InsertInto():
                written = writing.insert_into(asked, statement)
            case sql.Unload():
                written = writing.unload(asked, statement)
    columns = [athena.column_info("rows", sql.from_glue("bigint")).as_dict()]
    manifest = f"{location}-manifest.csv"
    work.outputs.put(manifest, "".join(f"{uri}\n" for uri in written.uris).encode())
    work.outputs.put_metadata(location, work.execution.id, columns)
    return Outcome(columns, written.rows, _statistics(work) | {"DataManifestLocation": manifest})


def _answer(work: Work, names: Sequence[str], lines: Sequence[str]) -> Outcome:
    """The answer of a definition: lines of text, in a file of their own."""
    location = work.execution.output_location
    columns = text_columns(names)
    work.outputs.put(location, "".join(f"{line}\n" for line in lines).encode(), "text/plain")
    work.outputs.put_metadata(location, work.execution.id, columns)
    return Outcome(columns, None, _statistics(work))


def _statistics(work: Work) -> dict[str, Any]:
    total = time.monotonic() - work.began
    return {
        "EngineExecutionTimeInMillis": _millis(total - work.planned_s),
        "DataScannedInBytes": work.scanned,
        "TotalExecutionTimeInMillis": _millis(total),
        "QueryQueueTimeInMillis": 0,
        "ServicePreProcessingTimeInMillis": 0,
        "QueryPlanningTimeInMillis": _millis(work.planned_s),
        "ServiceProcessingTimeInMillis": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }


def _millis(seconds: float) -> int:
    return round(seconds * 1000)
