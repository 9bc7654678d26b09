"""Databases and tables of the Glue catalog, and Athena's workgroup.

https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
"""

from __future__ import annotations

from typing import Any

from silolake.cloud import Cloud
from silolake.provisioning.drift.facets import Facet, Kind, listed, tags_of, unless
from silolake.provisioning.drift.templates import Resource

_GONE = ("EntityNotFoundException",)


def _database(cloud: Cloud, resource: Resource) -> Any:
    return unless(_GONE, lambda: cloud.call("glue", "get_database", Name=resource.id)["Database"], None)


def _database_input(resource: Resource) -> dict[str, Any]:
    return {**resource.properties["DatabaseInput"], "Name": resource.id}


def _make_database(cloud: Cloud, resource: Resource) -> None:
    cloud.call("glue", "create_database", DatabaseInput=_database_input(resource))


def _put_database(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("glue", "update_database", Name=resource.id, DatabaseInput=_database_input(resource))


DATABASE = Kind(
    "AWS::Glue::Database",
    "database",
    (Facet("description", _database_input, _database, _put_database),),
    lambda cloud, resource: _database(cloud, resource) is not None,
    _make_database,
    lambda resource: f"database/{resource.id}",
)


def _where(resource: Resource) -> dict[str, Any]:
    return {"DatabaseName": resource.properties["DatabaseName"]}


def _table(cloud: Cloud, resource: Resource) -> Any:
    return unless(_GONE, lambda: cloud.call("glue", "get_table", Name=resource.id, **_where(resource))["Table"], None)


def _table_input(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = resource.properties["TableInput"]
    return found


def _make_table(cloud: Cloud, resource: Resource) -> None:
    cloud.call("glue", "create_table", TableInput=_table_input(resource), **_where(resource))


def _put_table(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("glue", "update_table", TableInput=_table_input(resource), **_where(resource))


TABLE = Kind(
    "AWS::Glue::Table",
    "table",
    (Facet("definition", _table_input, _table, _put_table),),
    lambda cloud, resource: _table(cloud, resource) is not None,
    _make_table,
    lambda resource: f"table/{resource.properties['DatabaseName']}/{resource.id}",
)


def _workgroup(cloud: Cloud, resource: Resource) -> dict[str, Any] | None:
    # Athena has no error of its own for a workgroup that is not there.
    found: dict[str, Any] | None = unless(
        ("InvalidRequestException",),
        lambda: cloud.call("athena", "get_work_group", WorkGroup=resource.id)["WorkGroup"],
        None,
    )
    return found


def _wanted_workgroup(resource: Resource) -> dict[str, Any]:
    said = resource.properties
    return {
        "State": said.get("State", "ENABLED"),
        "Description": said.get("Description", ""),
        "Configuration": said.get("WorkGroupConfiguration", {}),
    }


def _put_workgroup(cloud: Cloud, resource: Resource, _: Any) -> None:
    wanted = _wanted_workgroup(resource)
    configuration = dict(wanted["Configuration"])
    if "ResultConfiguration" in configuration:
        configuration["ResultConfigurationUpdates"] = configuration.pop("ResultConfiguration")
    cloud.call(
        "athena",
        "update_work_group",
        WorkGroup=resource.id,
        State=wanted["State"],
        Description=wanted["Description"],
        ConfigurationUpdates=configuration,
    )


def _make_workgroup(cloud: Cloud, resource: Resource) -> None:
    wanted = _wanted_workgroup(resource)
    cloud.call(
        "athena",
        "create_work_group",
        Name=resource.id,
        Description=wanted["Description"],
        Configuration=wanted["Configuration"],
        Tags=listed(tags_of(resource)),
    )


def _arn(resource: Resource) -> str:
    return f"arn:aws:athena:{resource.region}:{resource.account}:workgroup/{resource.id}"


def _tags(cloud: Cloud, resource: Resource) -> dict[str, str]:
    found = cloud.pages("athena", "list_tags_for_resource", "Tags", ResourceARN=_arn(resource))
    return {each["Key"]: each["Value"] for each in found}


def _put_tags(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("athena", "tag_resource", ResourceARN=_arn(resource), Tags=listed(tags_of(resource)))


WORKGROUP = Kind(
    "AWS::Athena::WorkGroup",
    "workgroup",
    (
        Facet("settings", _wanted_workgroup, _workgroup, _put_workgroup),
        Facet("tags", tags_of, _tags, _put_tags),
    ),
    lambda cloud, resource: _workgroup(cloud, resource) is not None,
    _make_workgroup,
    lambda resource: f"workgroup/{resource.id}",
)
