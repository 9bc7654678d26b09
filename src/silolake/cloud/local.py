"""Reaching a local cloud: where it answers, and signing in to it as a person would through Identity Center."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from silolake.cloud.door import Cloud, Credentials, Reach
from silolake.errors import CloudUnreachable, WrongState

_TIMEOUT_S = 30


@dataclass(frozen=True)
class LocalEndpoint:
    """A running local cloud, as its data directory announces it."""

    directory: Path
    https: str
    http: str
    ca: str
    region: str
    pid: int

    @property
    def reach(self) -> Reach:
        """How a ``Cloud`` finds it, over TLS."""
        return Reach(self.region, self.https, self.ca)

    def ask(self, method: str, question: str, **said: Any) -> Any:
        """Ask the owner's door, as whoever may read the data directory.

        Raises:
            CloudUnreachable: nothing answers.
            WrongState: the door refused; its words say why.
        """
        request = urllib.request.Request(
            f"{self.https}/_silolake/{question}",
            method=method,
            data=json.dumps(said).encode() if said or method == "POST" else None,
            headers={"Authorization": f"Bearer {(self.directory / 'owner.token').read_text()}"},
        )
        context = ssl.create_default_context(cafile=self.ca)
        # Loopback needs no proxy, whatever the environment says.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}").get("error", str(error))
            raise WrongState(str(problem), "silolake status shows what there is") from error
        except OSError as error:
            raise CloudUnreachable(self.https, str(error)) from error


def find_local(directory: Path) -> LocalEndpoint | None:
    """The local cloud that a data directory announces; ``None`` if none is up. It is not asked."""
    try:
        found = json.loads((directory / "endpoint.json").read_text())
    except FileNotFoundError:
        return None
    return LocalEndpoint(directory, found["https"], found["http"], found["ca"], found["region"], int(found["pid"]))


def sign_in(endpoint: LocalEndpoint, account: str, role: str, name: str = "local") -> Cloud:
    """A session of a role in an account of the local cloud.

    Args:
        endpoint: which local cloud.
        account: the account's id or name.
        role: the role's name, without its path.
        name: the session's name.
    """
    said = endpoint.ask("POST", "sessions", account=account, role=role, name=name)
    expires_at = datetime.fromisoformat(said["Expiration"])
    return Cloud(
        endpoint.reach,
        Credentials(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"], expires_at),
    )
