"""Tables made of a few files, as an engine would bind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from silolake.athena import BoundFile, BoundPartition, Serde, Session, Source
from silolake.sql import Column, TableName, parse_query, translate


class Bench:
    """Puts files, binds tables, asks questions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.session = Session("1GB", 2, root / "blocks")
        self.output = root / "out"
        self.output.mkdir()

    def file(self, name: str, content: bytes | str) -> BoundFile:
        """A file without a telling suffix, as a blob store keeps it."""
        path = self.root / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return BoundFile(str(path), f"s3://lake/{name}", path.stat().st_size)

    def parquet(self, name: str, query: str) -> BoundFile:
        """A Parquet file that DuckDB writes."""
        path = self.root / name
        duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return BoundFile(str(path), f"s3://lake/{name}", path.stat().st_size)

    def table(
        self,
        columns: str,
        serde: Serde,
        *files: BoundFile,
        keys: str = "",
        partitions: Sequence[BoundPartition] | None = None,
    ) -> Source:
        """A table ``nyc.t`` with columns spelled ``name type, …``."""
        if partitions is None:
            partitions = (BoundPartition((), files, "s3://lake/"),)
        return Source(
            TableName.of("awsdatacatalog", "nyc", "t"), _columns(columns), _columns(keys), tuple(partitions), serde
        )

    def ask(self, query: str, *sources: Source) -> list[tuple[str | None, ...]]:
        """The rows of a query, as Athena prints them."""
        with self.session:
            return list(self.session.run(self.translated(query, *sources), sources).rows())

    def translated(self, query: str, *sources: Source):  # type: ignore[no-untyped-def]
        """A query over the tables bound."""
        return translate(parse_query(query), {each.name: each.schema for each in sources}, None, "nyc")


def _columns(text: str) -> tuple[Column, ...]:
    return tuple(Column.of_glue(*each.strip().split(" ", 1)) for each in text.split(";") if each.strip())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.session.close()


@pytest.fixture
def months(bench: Bench) -> Callable[[int], Source]:
    """A partitioned table of so many months, one row each."""

    def made(count: int) -> Source:
        partitions = [
            BoundPartition(
                (f"2013-{i:02}", str(i)),
                (bench.parquet(f"m{i}", f"SELECT {i}::BIGINT AS a, 'x{i}' AS b"),),
                f"s3://lake/m{i}/",
            )
            for i in range(count)
        ]
        return bench.table("a bigint; b string", Serde("parquet"), keys="m string; n int", partitions=partitions)

    return made
