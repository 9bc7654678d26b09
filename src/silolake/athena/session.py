"""A sandboxed DuckDB session: it answers queries over the files it is handed, and reaches nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from silolake.athena.binding import bind
from silolake.athena.faults import QueryCancelled, told
from silolake.athena.results import ColumnInfo, column_info
from silolake.athena.sources import Source
from silolake.athena.writing import Destination, WrittenFile, write
from silolake.sql import TableName, Translation, result_text
from silolake.sql.translation.macros import macros_for
from silolake.sql.translation.values import text

_FETCHED_AT_ONCE = 1024


class Result:
    """The rows of one query, while its session holds them.

    Attributes:
        columns: what ``ResultSetMetadata`` says of each column.
        scanned_bytes: the bytes of the files bound that the query's columns take.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, columns: tuple[ColumnInfo, ...], rendered: str, scanned_bytes: int
    ) -> None:
        self._connection, self._rendered = connection, rendered
        self.columns, self.scanned_bytes = columns, scanned_bytes

    def rows(self) -> Iterator[tuple[str | None, ...]]:
        """Every row as Athena prints it; None is NULL.

        Raises: QueryFault, QueryCancelled.
        """
        with _athena_words():
            answer = self._connection.execute(self._rendered)
            while batch := answer.fetchmany(_FETCHED_AT_ONCE):
                yield from batch

    def write_csv(self, path: Path) -> int:
        """The rows as Athena's result file: every field quoted, NULL as nothing. Writes the file.

        Returns: how many rows.
        Raises: QueryFault, QueryCancelled.
        """
        with _athena_words():
            counted = self._connection.execute(
                f"COPY ({self._rendered}) TO {text(str(path))} (FORMAT csv, HEADER true, FORCE_QUOTE *)"
            ).fetchone()
        return int(counted[0]) if counted else 0


class Session:
    """Answers queries, one at a time, each in a database of its own that lives as long as its result.

    A session may be interrupted from another thread.
    """

    def __init__(self, memory_limit: str, threads: int, temp_directory: Path) -> None:
        """Nothing is opened yet.

        Args:
            memory_limit: as DuckDB reads it, ``1GB``.
            threads: how many cores a query may use.
            temp_directory: where a query that outgrows its memory may put blocks.
        """
        self.memory_limit, self.threads, self.temp_directory = memory_limit, threads, temp_directory
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, query: Translation, sources: Sequence[Source], output: Path | None = None) -> Result:
        """Begin a query over the tables bound for it.

        ``output`` is the one directory in which the result may be written.

        Raises: QueryFault where a file does not fit its table; QueryCancelled.
        """
        columns = tuple(column_info(each.name, each.type) for each in query.columns)
        rendered = _rendered(query)
        connection = self._open(sources, output)
        scanned = self._prepare(connection, query, sources, rendered)
        return Result(connection, columns, rendered, scanned)

    def write(
        self, query: Translation, sources: Sequence[Source], destination: Destination
    ) -> tuple[tuple[WrittenFile, ...], int]:
        """Write a query's rows as a table's files, one for each partition. Writes in the destination's directory.

        Returns: the files, and the bytes scanned.
        Raises: QueryFault, QueryCancelled; SqlRefused where the format cannot hold a column.
        """
        connection = self._open(sources, destination.directory)
        scanned = self._prepare(connection, query, sources, query.sql)
        with _athena_words():
            return write(connection, query, destination), scanned

    def interrupt(self) -> None:
        """Stop what is running, from any thread; what begins afterwards does not run."""
        with self._lock:
            self._stopped = True
            if self._connection is not None:
                self._connection.interrupt()

    def close(self) -> None:
        """Let go of the last query's database."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- opening -------------------------------------------------------------------------------

    def _open(self, sources: Sequence[Source], output: Path | None) -> duckdb.DuckDBPyConnection:
        self.close()
        connection = duckdb.connect(":memory:")
        with self._lock:
            if self._stopped:
                connection.close()
                raise QueryCancelled
            self._connection = connection
        allowed = sorted({file.path for source in sources for file in source.files})
        listed = ", ".join(map(text, allowed))
        for setting in (
            f"threads = {self.threads}",
            f"memory_limit = {text(self.memory_limit)}",
            f"temp_directory = {text(str(self.temp_directory))}",
            "TimeZone = 'UTC'",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            f"allowed_paths = [{listed}]",
            f"allowed_directories = [{text(str(output)) if output else ''}]",
            # From here on the session reaches the files above and nothing else, and cannot be told otherwise.
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        return connection

    def _prepare(
        self, connection: duckdb.DuckDBPyConnection, query: Translation, sources: Sequence[Source], sql: str
    ) -> int:
        with _athena_words():
            for macro in macros_for(sql):
                connection.execute(macro)
            for source in sources:
                if source.name in query.reads:
                    bind(connection, source, query.reads[source.name])
            return scanned_bytes(connection, query.reads, sources)


def scanned_bytes(
    connection: duckdb.DuckDBPyConnection, reads: Mapping[TableName, Sequence[str]], sources: Sequence[Source]
) -> int:
    """The bytes that a query reads: of Parquet the chunks of its columns, of text whole files."""
    total = 0
    for source in sources:
        wanted = reads.get(source.name)
        if wanted is None or not source.files:
            continue
        if source.serde.format != "parquet":
            total += sum(file.size for file in source.files)
            continue
        names = [name.lower() for name in wanted]
        if names:
            listed = ", ".join(text(file.path) for file in source.files)
            found = connection.execute(
                f"SELECT coalesce(sum(total_compressed_size), 0) FROM parquet_metadata([{listed}]) "
                "WHERE list_contains(?, lower(split_part(path_in_schema, ', ', 1)))",
                [names],
            ).fetchone()
            total += int(found[0]) if found else 0
    return total


def _rendered(query: Translation) -> str:
    printed = ", ".join(
        f"{result_text(f'answer.{label}', column.type)} AS {label}"
        for label, column in zip(query.labels, query.columns, strict=True)
    )
    return f"SELECT {printed} FROM ({query.sql}) AS answer"


@contextmanager
def _athena_words() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise told(error) from error
