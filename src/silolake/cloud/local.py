"""Reaching a local cloud: where it answers, and signing in to it as a person would through Identity Center."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from silolake.cloud.door import Cloud, Reach
from silolake.cloud.renewing import Credentials
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
        try:
            with self._open(method, question, said) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise WrongState(_words(error), "silolake status shows what there is") from error
        # ssl.SSLError, which a damaged ca.pem raises, is an OSError; UnicodeDecodeError and JSONDecodeError are
        # ValueErrors: a damaged token, or another program that answers on the port.
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise CloudUnreachable(self.https, str(error)) from error

    def _open(self, method: str, question: str, said: dict[str, Any]) -> Any:
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
        return opener.open(request, timeout=_TIMEOUT_S)

    @property
    def answers(self) -> bool:
        """Whether somebody is there; a local cloud that was killed still stands announced."""
        try:
            self.ask("GET", "status")
        except (CloudUnreachable, WrongState):
            return False
        return True


def _words(error: urllib.error.HTTPError) -> str:
    """What the door said; its sentence is ours to end."""
    try:
        said = str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        said = str(error)
    return said.removesuffix(".")


def find_local(directory: Path) -> LocalEndpoint | None:
    """The local cloud that a data directory announces; ``None`` if none is up, or none legibly. It is not asked."""
    try:
        found = json.loads((directory / "endpoint.json").read_text())
        return LocalEndpoint(directory, found["https"], found["http"], found["ca"], found["region"], int(found["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sign_in(endpoint: LocalEndpoint, account: str, role: str, name: str = "local") -> Cloud:
    """A session of a role in an account of the local cloud; signed in to anew before it ends.

    Args:
        endpoint: which local cloud.
        account: the account's id or name.
        role: the role's name, without its path.
        name: the session's name.
    """

    def vend() -> Credentials:
        said = endpoint.ask("POST", "sessions", account=account, role=role, name=name)
        expires_at = datetime.fromisoformat(said["Expiration"])
        return Credentials(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"], expires_at)

    return Cloud(endpoint.reach, vend(), renew=vend)
