"""Reading contracts: what is understood, what is refused and where."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from silolake.contracts import DateFormat, Erasure, Retention, column_type, glue_table, read_contract
from silolake.errors import RoomError

CASES = Path(__file__).parents[1] / "cases" / "contracts"
BASE = (CASES / "contract.yaml").read_text("utf-8")
FAULTS = YAML(typ="safe").load((CASES / "faults.yaml").read_text("utf-8"))
ROOT = Path(__file__).parents[2]
CONTRACTS = sorted(ROOT.glob("pipelines/*/contract.yaml"))


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["name"])
def test_a_fault_is_told_with_its_line_and_what_to_do(case: dict[str, str]) -> None:
    """The table of tests/cases/contracts/faults.yaml."""
    assert BASE.count(case["old"]) == 1, "the case changes one place"
    with pytest.raises(RoomError) as caught:
        read_contract(BASE.replace(case["old"], case["new"]), "pipelines/parcels/contract.yaml")
    error = caught.value
    assert (error.path, error.line) == ("pipelines/parcels/contract.yaml", case["line"]), str(error)
    assert case["says"] in error.problem
    assert case["advice"] in error.advice
    assert error.advice.endswith((".", "?"))


def test_a_contract_is_read_whole() -> None:
    contract = read_contract(BASE, "c.yaml")
    assert (contract.name, contract.version, contract.owner, contract.status) == ("parcels", "1.2.0", "post", "active")
    assert [column.name for column in contract.delivered] == ["code", "weight", "seen_at"]
    assert [column.name for column in contract.stored] == ["code", "weight", "seen_at"]
    assert [column.derived for column in contract.partitions] == [DateFormat("seen_at", "%Y-%m-%d")]
    assert [column.name for column in contract.key] == ["code"]
    assert contract.column("code").limits.max_length == 20
    assert contract.column("seen_at").zoned
    assert contract.null_values == ("", "NULL")
    assert contract.retention == Retention(18, "month")
    assert contract.erasure == Erasure("code", "rewrite", 30, "the code leads to the sender")


def test_comments_and_layout_do_not_change_a_digest_and_every_rule_does() -> None:
    plain = read_contract(BASE, "c.yaml").digest
    assert read_contract("# note\n" + BASE.replace("{minimum: 0}", "{minimum:   0}"), "d.yaml").digest == plain
    changes = [
        ("{minimum: 0}", "{minimum: 1}"),
        ("        required: true\n        primaryKey", "        primaryKey"),
        ("18", "19"),
    ]
    for old, new in changes:
        assert read_contract(BASE.replace(old, new), "c.yaml").digest != plain


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.parent.name)
def test_the_rooms_contracts_are_odcs_documents(path: Path) -> None:
    """They validate against the standard's own JSON schema."""
    schema = json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8"))
    document = YAML(typ="safe").load(path.read_text("utf-8"))
    validator = jsonschema.Draft201909Validator(schema)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["apiVersion"] in schema["properties"]["apiVersion"]["enum"]


@pytest.mark.parametrize(
    ("logical", "physical", "glue", "arrow", "redshift"),
    [
        ("string", None, "string", "string", "VARCHAR(65535)"),
        ("string", "varchar(20)", "varchar(20)", "string", "VARCHAR(80)"),
        ("string", "char(2)", "char(2)", "string", "VARCHAR(8)"),
        ("integer", None, "bigint", "int64", "BIGINT"),
        ("integer", "INT", "int", "int32", "INTEGER"),
        ("integer", "smallint", "smallint", "int16", "SMALLINT"),
        ("integer", "tinyint", "tinyint", "int8", "SMALLINT"),
        ("number", None, "double", "double", "DOUBLE PRECISION"),
        ("number", "float", "float", "float", "REAL"),
        ("number", "decimal(10, 2)", "decimal(10,2)", "decimal128(10, 2)", "DECIMAL(10,2)"),
        ("boolean", None, "boolean", "bool", "BOOLEAN"),
        ("date", None, "date", "date32[day]", "DATE"),
        ("timestamp", None, "timestamp", "timestamp[ms]", "TIMESTAMP"),
    ],
)
def test_a_type_has_four_spellings(logical: str, physical: str | None, glue: str, arrow: str, redshift: str) -> None:
    found = column_type(logical, physical)
    assert (found.glue, found.arrow, found.redshift) == (glue, arrow, redshift)


def test_the_arrow_names_are_what_the_check_makes() -> None:
    """What a contract says of Parquet is what good rows are."""
    from silolake.contracts import schema_of

    contract = read_contract(BASE, "c.yaml")
    assert [str(kind) for kind in schema_of(contract).types] == [column.type.arrow for column in contract.columns]


def test_a_processed_table_is_partitioned_parquet() -> None:
    table = glue_table(read_contract(BASE, "c.yaml"), "processed", "s3://b/parcels/")
    storage = table["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in storage["Columns"]] == [
        ("code", "varchar(20)"),
        ("weight", "decimal(8,2)"),
        ("seen_at", "timestamp"),
    ]
    assert [(column["Name"], column["Type"]) for column in table["PartitionKeys"]] == [("seen_on", "string")]
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert storage["Location"] == "s3://b/parcels/"
    assert table["Parameters"]["classification"] == "parquet"


def test_a_raw_table_is_the_delivery_all_text_below_its_header() -> None:
    table = glue_table(read_contract(BASE, "c.yaml"), "raw", {"Fn::Sub": "s3://${AWS::AccountId}/parcels/"})
    storage = table["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in storage["Columns"]] == [
        ("code", "string"),
        ("weight", "string"),
        ("seen_at", "string"),
    ]
    assert table["PartitionKeys"] == []
    assert table["Parameters"]["skip.header.line.count"] == "1"
    assert storage["Location"] == {"Fn::Sub": "s3://${AWS::AccountId}/parcels/"}


def test_an_iceberg_table_is_refused_by_name() -> None:
    text = BASE.replace("value: parquet", "value: iceberg").replace("method: rewrite", "method: delete")
    with pytest.raises(RoomError, match="iceberg"):
        glue_table(read_contract(text, "c.yaml"), "processed", "s3://b/parcels/")


def test_a_table_is_what_glue_takes() -> None:
    """botocore's own model of CreateTable validates both tables."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    shape = ServiceModel(Loader().load_service_model("glue", "service-2")).operation_model("CreateTable").input_shape
    for path in CONTRACTS:
        contract = read_contract(path.read_text("utf-8"), path.name)
        for zone in ("raw", "processed"):
            table = glue_table(contract, zone, "s3://b/t/")  # type: ignore[arg-type]
            report = ParamValidator().validate({"DatabaseName": zone, "TableInput": table}, shape)
            assert report.generate_report() == ""
