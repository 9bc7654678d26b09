"""A buildspec's text, read strictly. Pure.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

PHASES = ("install", "pre_build", "build", "post_build")
_VERSION = "0.2"
_SHELLS = {"sh": "/bin/sh", "/bin/sh": "/bin/sh", "bash": "/bin/bash", "/bin/bash": "/bin/bash"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BuildspecFault(Exception):
    """A buildspec that cannot be followed; CodeBuild calls it ``YAML_FILE_ERROR``."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase's commands.

    Attributes:
        last: what is run at its end, whatever became of the commands.
        on_failure: ``ABORT``, ``CONTINUE``, or empty for what the phase does by itself.
    """

    commands: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    on_failure: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """Which files are kept of what was built.

    Attributes:
        files: patterns, from ``base``.
        base: a directory of the source.
        flat: directories are left out of the names.
        name: of the artifact; empty where the project's holds.
    """

    files: tuple[str, ...]
    base: str = ""
    flat: bool = False
    excluded: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Buildspec:
    """What a build does.

    Attributes:
        shell: the program that runs the commands.
        exported: the names of variables that are told of the build when it is over.
        runtimes: what ``runtime-versions`` asks, ``{"python": "3.12"}``.
        artifacts: ``None`` where nothing is kept.
        secondary: by their identifiers.
    """

    phases: Mapping[str, Phase]
    shell: str = "/bin/sh"
    variables: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)
    artifacts: Files | None = None
    secondary: Mapping[str, Files] = field(default_factory=dict)


def read_buildspec(text: str) -> Buildspec:
    """What a buildspec says.

    Raises:
        BuildspecFault: it is not YAML, says what a buildspec cannot, or what is not played, by its name.

    >>> read_buildspec('{"version": "0.2", "phases": {"build": {"commands": ["make"]}}}').phases["build"].commands
    ('make',)
    """
    try:
        said = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        first = str(error).strip().splitlines()
        raise BuildspecFault(f"the buildspec is not YAML: {first[-1].strip() if first else error}") from error
    spec = _mapping(said, "buildspec")
    if str(spec.get("version", "")) != _VERSION:
        raise BuildspecFault(f"version must be {_VERSION}; the silolake local cloud plays no other")
    _only(spec, ("version", "env", "phases", "artifacts", "cache"), "")
    _only(_mapping(spec.get("cache") or {}, "cache"), ("paths",), "cache/")
    env = _mapping(spec.get("env") or {}, "env")
    _only(env, ("shell", "variables", "exported-variables"), "env/")
    phases = _mapping(spec.get("phases"), "phases")
    _only(phases, PHASES, "phases/")
    install = _mapping(phases.get("install") or {}, "phases/install")
    artifacts = _mapping(spec.get("artifacts") or {}, "artifacts")
    secondary = _mapping(artifacts.get("secondary-artifacts") or {}, "artifacts/secondary-artifacts")
    return Buildspec(
        phases={name: _phase(phases.get(name), name) for name in PHASES},
        shell=_shell(env),
        variables=_variables(_mapping(env.get("variables") or {}, "env/variables")),
        exported=tuple(_named(each) for each in _texts(env.get("exported-variables"), "env/exported-variables")),
        runtimes=_runtimes(_mapping(install.get("runtime-versions") or {}, "phases/install/runtime-versions")),
        artifacts=_files(artifacts, "artifacts") if "files" in artifacts else None,
        secondary={name: _files(_mapping(each, name), f"artifacts/{name}") for name, each in secondary.items()},
    )


def _phase(said: Any, name: str) -> Phase:
    where = f"phases/{name}"
    if said is None:
        return Phase()
    phase = _mapping(said, where)
    _only(phase, ("commands", "finally", "on-failure", "runtime-versions" if name == "install" else ""), f"{where}/")
    on_failure = str(phase.get("on-failure", "") or "")
    if on_failure.startswith("RETRY"):
        raise BuildspecFault(f"the silolake local cloud does not play {where}/on-failure {on_failure}")
    if on_failure not in ("", "ABORT", "CONTINUE"):
        raise BuildspecFault(f"{where}/on-failure is ABORT or CONTINUE, not {on_failure}")
    last, commands = _texts(phase.get("finally"), f"{where}/finally"), _texts(phase.get("commands"), where)
    return Phase(commands, last, on_failure)


def _files(said: Mapping[str, Any], where: str) -> Files:
    known = ("files", "name", "discard-paths", "base-directory", "exclude-paths", "secondary-artifacts")
    _only(said, known if where == "artifacts" else known[:-1], f"{where}/")
    return Files(
        files=_texts(said.get("files"), f"{where}/files"),
        base=str(said.get("base-directory") or ""),
        flat=str(said.get("discard-paths", "no")).lower() in ("yes", "true"),
        excluded=_texts(said.get("exclude-paths"), f"{where}/exclude-paths"),
        name=str(said.get("name") or ""),
    )


def _shell(env: Mapping[str, Any]) -> str:
    asked = str(env.get("shell", "sh"))
    if asked not in _SHELLS:
        raise BuildspecFault(f"the silolake local cloud does not play env/shell {asked}")
    return _SHELLS[asked]


def _runtimes(said: Mapping[str, Any]) -> dict[str, str]:
    for name in said:
        if name != "python":
            raise BuildspecFault(f"the silolake local cloud does not play phases/install/runtime-versions/{name}")
    return {str(name): str(version) for name, version in said.items()}


def _variables(said: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in said.items():
        if isinstance(value, Mapping | list):
            raise BuildspecFault(f"env/variables/{name} must be a text")
        found[_named(name)] = "" if value is None else _text(value)
    return found


def _text(value: Any) -> str:
    """A scalar as it was written: ``true`` is a command."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(name: Any) -> str:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise BuildspecFault(f"{name!r} is no name of an environment variable")
    return name


def _texts(said: Any, where: str) -> tuple[str, ...]:
    if said is None:
        return ()
    listed = [said] if isinstance(said, str) else said
    if not isinstance(listed, list) or any(isinstance(each, Mapping | list) or each is None for each in listed):
        raise BuildspecFault(f"{where} must be a list of texts")
    return tuple(_text(each) for each in listed)


def _mapping(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise BuildspecFault(f"{where} must be a mapping")
    return said


def _only(said: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for name in said:
        if name not in known:
            raise BuildspecFault(f"the silolake local cloud does not play {where}{name} in a buildspec")
