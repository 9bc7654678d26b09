"""Where a build happens: its directories, its log and its environment.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silolake.localcloud.engines.codebuild.records import Build

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

# What a program on this machine needs and tells nobody anything: everything else stays outside.
_LET_IN = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_NOWHERE = "https://127.0.0.1:1"
"""Where clients are sent while the local cloud serves no port, so that none of them asks AWS."""


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one build.

    Attributes:
        root: holds all of them, and the log, which stays.
    """

    root: Path

    @property
    def log(self) -> Path:
        """What the build printed."""
        return self.root / "log"

    @property
    def source(self) -> Path:
        """``CODEBUILD_SRC_DIR``."""
        return self.root / "src"

    def secondary(self, name: str) -> Path:
        """``CODEBUILD_SRC_DIR_<name>``."""
        return self.root / "secondary" / name

    @property
    def state(self) -> Path:
        """What the shell keeps between commands."""
        return self.root / "state"

    def open(self) -> None:
        """Make what is missing. Writes."""
        for each in (self.root, self.source, self.state, self.root / "home", self.root / "tmp"):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove everything but the log. Writes."""
        for each in self.root.iterdir() if self.root.is_dir() else ():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            elif each != self.log:
                each.unlink(missing_ok=True)


def place_of(cloud: LocalCloud, build: Build) -> Place:
    """Where a build happens, or happened."""
    return Place(cloud.directory.absolute() / "builds" / build.uuid)


def environment(
    cloud: LocalCloud, build: Build, place: Place, variables: Mapping[str, str], lent: Mapping[str, str]
) -> dict[str, str]:
    """All of a build's environment: no key is in it.

    Args:
        variables: the build's own; those of the buildspec beneath those of the project and the request.
        lent: where it finds its role's credentials.
    """
    body: Mapping[str, Any] = build.body
    reached = cloud.reached
    found = {name: os.environ[name] for name in _LET_IN if name in os.environ}
    found |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(place.root / "home"),
        "TMPDIR": str(place.root / "tmp"),
        "CI": "true",
        "AWS_DEFAULT_REGION": build.region,
        "AWS_REGION": build.region,
        "AWS_ENDPOINT_URL": reached.https if reached else _NOWHERE,
        **({"AWS_CA_BUNDLE": reached.ca} if reached else {}),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_ID": body["id"],
        "CODEBUILD_BUILD_IMAGE": body["environment"].get("image", ""),
        "CODEBUILD_BUILD_NUMBER": str(body["buildNumber"]),
        "CODEBUILD_INITIATOR": body["initiator"],
        "CODEBUILD_KMS_KEY_ID": body["encryptionKey"],
        "CODEBUILD_LOG_PATH": build.uuid,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": body.get("resolvedSourceVersion", ""),
        "CODEBUILD_SOURCE_REPO_URL": body["source"].get("location", ""),
        "CODEBUILD_SOURCE_VERSION": body.get("sourceVersion", ""),
        "CODEBUILD_SRC_DIR": str(place.source),
        "CODEBUILD_START_TIME": str(int(cloud.clock.now().timestamp() * 1000)),
    }
    for each in build.handed.inputs[1:]:
        found[f"CODEBUILD_SRC_DIR_{each.name}"] = str(place.secondary(each.name))
    return {**found, **variables, **lent}
