"""Data definition, as Athena reads it with Hive's grammar.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

from __future__ import annotations

from collections.abc import Callable

from silolake.sql import statements as s
from silolake.sql.grammar.cursor import Cursor
from silolake.sql.grammar.lexer import Dialect, Kind
from silolake.sql.names import TableName
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.types import UnknownGlueType, from_glue

_DELIMITED = (
    (("FIELDS", "TERMINATED", "BY"), "field.delim"),
    (("ESCAPED", "BY"), "escape.delim"),
    (("COLLECTION", "ITEMS", "TERMINATED", "BY"), "collection.delim"),
    (("MAP", "KEYS", "TERMINATED", "BY"), "mapkey.delim"),
    (("LINES", "TERMINATED", "BY"), "line.delim"),
    (("NULL", "DEFINED", "AS"), "serialization.null.format"),
)
STORED_AS = ("SEQUENCEFILE", "TEXTFILE", "RCFILE", "ORC", "PARQUET", "AVRO", "ION", "JSONFILE")


class DefinitionGrammar(Cursor):
    """Reads CREATE EXTERNAL TABLE, ALTER, MSCK, SHOW, DESCRIBE, DROP and CREATE DATABASE."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Dialect.HIVE)

    def statement(self) -> s.Statement:
        """One statement, to its end.

        Raises: SqlRefused where the text is not Athena's; SqlNotPlayed where it is, and is not played.
        """
        for words, read in self._readers():
            if self.accept(*words):
                found = read()
                self.finish()
                return found
        if self.sees("CREATE", "TABLE"):
            self.expect("CREATE", "TABLE")
            return self._managed_table()
        raise SqlRefused("Queries of this type are not supported")

    def _readers(self) -> tuple[tuple[tuple[str, ...], Callable[[], s.Statement]], ...]:
        return (
            (("CREATE", "EXTERNAL", "TABLE"), self._create_table),
            (("CREATE", "DATABASE"), self._create_database),
            (("CREATE", "SCHEMA"), self._create_database),
            (("DROP", "DATABASE"), self._drop_database),
            (("DROP", "SCHEMA"), self._drop_database),
            (("DROP", "TABLE"), self._drop_table),
            (("ALTER", "TABLE"), self._alter_table),
            (("MSCK", "REPAIR", "TABLE"), lambda: s.RepairTable(self.table_name())),
            (("SHOW", "DATABASES"), self._show_databases),
            (("SHOW", "SCHEMAS"), self._show_databases),
            (("SHOW", "TABLES"), self._show_tables),
            (("SHOW", "VIEWS"), self._show_views),
            (("SHOW", "PARTITIONS"), lambda: s.ShowPartitions(self.table_name())),
            (("SHOW", "COLUMNS"), self._show_columns),
            (("SHOW", "CREATE", "TABLE"), lambda: s.ShowCreateTable(self.table_name())),
            (("SHOW", "CREATE", "VIEW"), lambda: s.ShowCreateView(self.table_name())),
            (("SHOW", "TBLPROPERTIES"), self._show_properties),
            (("DESCRIBE",), self._describe),
            (("DESC",), self._describe),
        )

    def table_name(self) -> TableName:
        """``table`` or ``database.table``; Hive's grammar knows no catalogs."""
        parts = [self.identifier().name]
        if self.accept("."):
            parts.append(self.identifier().name)
        if self.sees("."):
            self.fail("<EOF>")
        return TableName.of(*parts)

    # --- tables --------------------------------------------------------------------------------

    def _managed_table(self) -> s.Statement:
        self._if_not_exists()
        name = self.table_name()
        lowered = self.text.lower()
        if "table_type" in lowered and "iceberg" in lowered:
            raise SqlNotPlayed(f"Iceberg tables ({name})")
        raise SqlRefused(
            "External location must be specified: only CREATE EXTERNAL TABLE is allowed here", at=self.here
        )

    def _create_table(self) -> s.CreateExternalTable:
        if_not_exists = self._if_not_exists()
        name = self.table_name()
        columns = self.in_parentheses(lambda: self.listed(self._column)) if self.sees("(") else ()
        comment = self.string() if self.accept("COMMENT") else None
        partitioned: tuple[s.ColumnDefinition, ...] = ()
        if self.accept("PARTITIONED", "BY"):
            partitioned = self.in_parentheses(lambda: self.listed(self._column))
        clustered: tuple[str, ...] = ()
        buckets = None
        if self.accept("CLUSTERED", "BY"):
            clustered = tuple(each.name for each in self.names())
            self.expect("INTO")
            buckets = self.integer()
            self.expect("BUCKETS")
        row_format = self._row_format()
        location = self.string() if self.accept("LOCATION") else None
        properties = self._properties() if self.accept("TBLPROPERTIES") else ()
        return s.CreateExternalTable(
            name, columns, partitioned, comment, row_format, location, properties, if_not_exists, clustered, buckets
        )

    def _column(self) -> s.ColumnDefinition:
        # Hive lets reserved words of Trino name columns; a quoted name is always one.
        if self.next.kind not in (Kind.WORD, Kind.NAME):
            self.fail("<identifier>")
        token = self.take()
        kind = self._column_type()
        return s.ColumnDefinition(token.value.lower(), kind, self.string() if self.accept("COMMENT") else None)

    def _column_type(self) -> str:
        at, start, depth = self.here, self.place, 0
        while depth or not (self.sees_any(",", ")", "COMMENT") or self.next.kind is Kind.END):
            if self.sees_any("<", "("):
                depth += 1
            elif self.sees_any(">", ")"):
                depth -= 1
            elif self.next.kind is Kind.END:
                self.fail("'>'")
            self.take()
        text = "".join(token.value.lower() for token in self.tokens[start : self.place])
        try:
            from_glue(text)
        except UnknownGlueType:
            raise SqlRefused(f"no viable alternative at input '{text}'", at=at) from None
        return text

    def _row_format(self) -> s.RowFormat:
        serde = stored_as = input_format = output_format = None
        properties: s.Properties = ()
        if self.accept("ROW", "FORMAT", "SERDE"):
            serde = self.string()
            if self.accept("WITH", "SERDEPROPERTIES"):
                properties = self._properties()
        elif self.accept("ROW", "FORMAT", "DELIMITED"):
            properties = tuple((key, self.string()) for words, key in _DELIMITED if self.accept(*words))
            delimiters = dict(properties)
            properties += (("serialization.format", delimiters["field.delim"]),) if "field.delim" in delimiters else ()
        if self.accept("STORED", "AS", "INPUTFORMAT"):
            input_format = self.string()
            self.expect("OUTPUTFORMAT")
            output_format = self.string()
        elif self.accept("STORED", "AS"):
            if not self.sees_any(*STORED_AS):
                self.fail(*(f"'{each}'" for each in STORED_AS))
            stored_as = self.take().value
        return s.RowFormat(serde, properties, stored_as, input_format, output_format)

    def _properties(self) -> s.Properties:
        return self.in_parentheses(lambda: self.listed(self._property))

    def _property(self) -> tuple[str, str]:
        key = self.string()
        self.expect("=")
        return key, self.string()

    def _alter_table(self) -> s.Statement:
        name = self.table_name()
        if self.accept("ADD"):
            if self.accept("COLUMNS"):
                return s.AddColumns(name, self.in_parentheses(lambda: self.listed(self._column)))
            if_not_exists = self._if_not_exists()
            return s.AddPartitions(name, self._partitions(), if_not_exists)
        if self.accept("DROP"):
            if self.sees("COLUMN"):
                raise SqlNotPlayed("ALTER TABLE … DROP COLUMN", self.here)
            if_exists = self.accept("IF", "EXISTS")
            return s.DropPartitions(name, self._dropped(), if_exists)
        if self.accept("REPLACE", "COLUMNS"):
            return s.AddColumns(name, self.in_parentheses(lambda: self.listed(self._column)), replace=True)
        if self.accept("SET", "TBLPROPERTIES"):
            return s.SetTableProperties(name, self._properties())
        partition = self._partition() if self.sees("PARTITION") else None
        if partition and self.accept("RENAME"):
            raise SqlNotPlayed("ALTER TABLE … RENAME PARTITION", self.here)
        if self.accept("SET", "LOCATION"):
            return s.SetLocation(name, self.string(), partition)
        if self.sees("CHANGE") or self.sees("RENAME"):
            raise SqlNotPlayed(f"ALTER TABLE … {self.next.value}", self.here)
        self.fail("'ADD'", "'DROP'", "'REPLACE'", "'SET'", "'PARTITION'")

    def _partitions(self) -> tuple[s.PartitionSpec, ...]:
        found: list[s.PartitionSpec] = []
        while self.sees("PARTITION"):
            spec = self._partition()
            location = self.string() if self.accept("LOCATION") else None
            found.append(s.PartitionSpec(spec.values, location))
        if not found:
            self.fail("'PARTITION'")
        return tuple(found)

    def _dropped(self) -> tuple[s.PartitionSpec, ...]:
        return self.listed(self._partition)

    def _partition(self) -> s.PartitionSpec:
        self.expect("PARTITION")
        return s.PartitionSpec(self.in_parentheses(lambda: self.listed(self._partition_value)))

    def _partition_value(self) -> tuple[str, str]:
        name = self.identifier().name
        if not self.accept("="):
            raise SqlNotPlayed("partition expressions other than =", self.here)
        sign = "-" if self.accept("-") else ""
        if self.next.kind not in (Kind.STRING, Kind.INTEGER, Kind.DECIMAL):
            self.fail("<string>", "<integer>")
        return name, sign + self.take().value

    # --- databases and the rest ----------------------------------------------------------------

    def _if_not_exists(self) -> bool:
        return self.accept("IF", "NOT", "EXISTS")

    def _create_database(self) -> s.CreateDatabase:
        if_not_exists = self._if_not_exists()
        name = self.identifier().name
        comment = self.string() if self.accept("COMMENT") else None
        location = self.string() if self.accept("LOCATION") else None
        properties = self._properties() if self.accept("WITH", "DBPROPERTIES") else ()
        return s.CreateDatabase(name, if_not_exists, comment, location, properties)

    def _drop_database(self) -> s.DropDatabase:
        if_exists = self.accept("IF", "EXISTS")
        name = self.identifier().name
        cascade = self.accept("CASCADE")
        if not cascade:
            self.accept("RESTRICT")
        return s.DropDatabase(name, if_exists, cascade)

    def _drop_table(self) -> s.DropTable:
        if_exists = self.accept("IF", "EXISTS")
        return s.DropTable(self.table_name(), if_exists)

    def _pattern(self) -> str | None:
        self.accept("LIKE")
        return self.string() if self.next.kind is Kind.STRING else None

    def _database(self) -> str | None:
        return self.identifier().name if self.accept("IN") or self.accept("FROM") else None

    def _show_databases(self) -> s.ShowDatabases:
        return s.ShowDatabases(self._pattern())

    def _show_tables(self) -> s.ShowTables:
        database = self._database()
        return s.ShowTables(database, self._pattern())

    def _show_views(self) -> s.ShowViews:
        database = self._database()
        return s.ShowViews(database, self._pattern())

    def _show_columns(self) -> s.ShowColumns:
        if not (self.accept("IN") or self.accept("FROM")):
            self.fail("'FROM'", "'IN'")
        name = self.table_name()
        database = self._database()
        return s.ShowColumns(TableName.of(database, name.table) if database else name)

    def _show_properties(self) -> s.ShowTableProperties:
        name = self.table_name()
        return s.ShowTableProperties(name, self.in_parentheses(self.string) if self.sees("(") else None)

    def _describe(self) -> s.Describe:
        for word in ("INPUT", "OUTPUT"):
            if self.sees(word) and self.ahead(1).kind is not Kind.END:
                raise SqlNotPlayed(f"DESCRIBE {word}", self.here)
        detail = self.take().value if self.sees_any("EXTENDED", "FORMATTED") else None
        if self.sees("VIEW") and self.ahead(1).kind in (Kind.WORD, Kind.NAME):
            self.take()
        name = self.table_name()
        if self.sees("PARTITION"):
            raise SqlNotPlayed("DESCRIBE … PARTITION", self.here)
        return s.Describe(name, detail, self.identifier().name if self.sees_identifier() else None)
