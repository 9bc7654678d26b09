"""Sources brought in, and artifacts chosen and packed."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from silolake.localcloud.engines.codebuild.buildspec import Files


class NoFiles(Exception):
    """No file of the build is among those that its buildspec keeps."""


def unpack(content: bytes, directory: Path) -> None:
    """Unpack a zip; what may be executed stays so. Writes ``directory``.

    Raises:
        zipfile.BadZipFile: it is none.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            # ZipFile.extract keeps every name inside the directory, and forgets the mode.
            path = Path(archive.extract(member, directory))
            mode = member.external_attr >> 16
            if mode & stat.S_IXUSR and path.is_file():
                path.chmod(0o700)


@dataclass(frozen=True, slots=True)
class Kept:
    """One file that is kept.

    Attributes:
        name: in the artifact, with slashes.
    """

    name: str
    path: Path


def chosen(wanted: Files, source: Path) -> list[Kept]:
    """The files that a buildspec keeps, by name.

    Raises:
        NoFiles: there is none.
    """
    base = (source / wanted.base).resolve()
    found: dict[str, Path] = {}
    for pattern in wanted.files:
        for path in _matching(base, pattern):
            name = path.relative_to(base).as_posix()
            if not any(fnmatch.fnmatch(name, each) for each in wanted.excluded):
                found[path.name if wanted.flat else name] = path
    if not found or not base.is_relative_to(source.resolve()):
        raise NoFiles("no matching artifact paths found")
    return [Kept(name, found[name]) for name in sorted(found)]


def _matching(base: Path, pattern: str) -> Iterator[Path]:
    inside = pattern.lstrip("/").removeprefix("./")
    # To CodeBuild ** is every file beneath, to pathlib every directory.
    inside = inside + "/*" if inside == "**" or inside.endswith("/**") else inside
    for path in sorted(base.glob(inside)) if inside and ".." not in Path(inside).parts else ():
        if path.is_file() and path.resolve().is_relative_to(base):
            yield path


def packed(files: list[Kept]) -> bytes:
    """A zip of the files; the same files make the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files:
            member = zipfile.ZipInfo(each.name)
            executable = each.path.stat().st_mode & stat.S_IXUSR
            member.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, each.path.read_bytes())
    return made.getvalue()


def sums(content: bytes) -> dict[str, str]:
    """The checksums that a build tells of its artifact."""
    return {
        "sha256sum": hashlib.sha256(content).hexdigest(),
        "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }
