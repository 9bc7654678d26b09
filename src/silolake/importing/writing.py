"""Rooms written into an empty folder, and read back."""

from __future__ import annotations

import io
import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from silolake.errors import WrongState
from silolake.importing.deployment_map import Mapped
from silolake.importing.observing import Found
from silolake.rooms import Rooms, load

_ROOMS = ("provisioning", "pipelines", "cross_silo_views", "notebooks")
_IGNORED = ".silolake/\n.ipynb_checkpoints/\n"
_HEAD = """\
# Written from what was observed. What is `observed` is verified and never changed by the lake: say `managed` of what
# it is to make and move.
"""


def write(folder: Path, settings: str, found: Found, pipelines: tuple[Mapped, ...] = ()) -> Rooms:
    """Write a workspace; nothing that is there is written over. Writes below ``folder``.

    Args:
        folder: made if it is not there.
        settings: the text of ``silolake.yaml``.
        found: what was observed.
        pipelines: those of a deployment map.

    Returns:
        The rooms, as they are read back.

    Raises:
        WrongState: something of a workspace is there already.
        RoomError: what was observed is nothing that rooms can say.
    """
    for name in ("silolake.yaml", *_ROOMS):
        if (folder / name).exists():
            raise WrongState(f"{folder / name} is there already", "Import into an empty folder")
    for name in ("provisioning/stack_sets", "provisioning/policies", "pipelines", "cross_silo_views"):
        (folder / name).mkdir(parents=True)
    (folder / "silolake.yaml").write_text(settings, encoding="utf-8")
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    with as_file(files("silolake") / "starter") as starter:
        ignored = shutil.ignore_patterns(".ipynb_checkpoints")
        shutil.copytree(starter / "notebooks", folder / "notebooks", ignore=ignored)
    (folder / "provisioning" / "organization.yaml").write_text(_organization(found), encoding="utf-8")
    for name, body in found.templates.items():
        (folder / "provisioning" / "stack_sets" / f"{name}.yaml").write_text(as_yaml(body), encoding="utf-8")
    for name, document in found.policies.items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (folder / "provisioning" / "policies" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    for each in pipelines:
        each.write(folder)
    return load(folder)


def _organization(found: Found) -> str:
    said: dict[str, Any] = {
        "management": found.management,
        "units": dict.fromkeys(found.units, "observed"),
        "accounts": {name: dict(each) for name, each in found.accounts.items()},
    }
    parts: dict[str, Any] = {
        "delegated_administrators": {name: list(each) for name, each in found.delegated.items()},
        "guard_rails": {name: list(each) for name, each in found.guard_rails.items()},
        "stack_sets": {name: dict(each) for name, each in found.deployments.items()},
    }
    return _HEAD + as_yaml(said | {name: part for name, part in parts.items() if part})


def as_yaml(value: Any) -> str:
    """A value of JSON as YAML that reads back as the same value."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.default_flow_style, yaml.width = False, 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_quoted(value), out)
    return out.getvalue()


def _quoted(value: Any) -> Any:
    """Texts that YAML, or the reader of rooms, could take for something else stand in quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    match value:
        case str():
            return value if value.isidentifier() and not _is_word(value) else DoubleQuotedScalarString(value)
        case list():
            return [_quoted(each) for each in value]
        case dict():
            return {_key(key): _quoted(inner) for key, inner in value.items()}
        case _:
            return value


def _key(key: str) -> Any:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    plain = key.replace(".", "").replace("-", "").replace(":", "").isidentifier() and not key.endswith(":")
    return key if plain and not _is_word(key) else DoubleQuotedScalarString(key)


def _is_word(text: str) -> bool:
    return text.lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
