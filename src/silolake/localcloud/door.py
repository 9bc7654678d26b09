"""The owner's door: what the person who runs the local cloud may ask that AWS has no call for.

Under ``/_silolake/``, with a token that lies in the data directory, readable by its owner alone: whoever can read
that file could read the state itself. It signs people in (as Identity Center would), moves the clock, throttles and
delays, opens an account outside the organization, reads the decision log, the logs of builds and what became of
schedules, and stops the process.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import Any

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.disturbing import Disturbance
from silolake.localcloud.engines.codebuild.place import place_of
from silolake.localcloud.engines.codebuild.records import find_build
from silolake.localcloud.engines.organizations import accounts
from silolake.localcloud.engines.scheduler.firing import invocations
from silolake.localcloud.errors import AwsError
from silolake.localcloud.http import HttpRequest, HttpResponse

_SESSION_S = 3600
_LONGEST_SESSION_S = 12 * 3600
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_LONGEST_QUESTION = 1 << 20


class Door:
    """Answers the owner.

    Args:
        cloud: the local cloud.
        token: what a request must bring as ``Authorization: Bearer …``.
        stop: ends the process once the answer is sent.
    """

    def __init__(self, cloud: LocalCloud, token: str, stop: Callable[[], None]) -> None:
        self._cloud, self._token, self._stop = cloud, token, stop

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one question, as JSON."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _json(403, {"error": "the owner's token is needed; it lies in the data directory"})
        questions: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
            ("GET", "status"): self._status,
            ("GET", "accounts"): self._accounts,
            ("POST", "sessions"): self._sign_in,
            ("POST", "accounts"): self._open_account,
            ("POST", "clock"): self._advance,
            ("POST", "disturb"): self._disturb,
            ("POST", "decisions"): self._decisions,
            ("POST", "build_log"): self._build_log,
            ("POST", "invocations"): self._invocations,
            ("POST", "stop"): self._end,
        }
        question = questions.get((request.method, request.path.removeprefix("/_silolake/")))
        if question is None:
            return _json(404, {"error": f"the door does not know {request.method} {request.path}"})
        try:
            said = json.loads(request.body.read(min(request.length or 0, _LONGEST_QUESTION)) or b"{}")
            if not isinstance(said, dict):
                raise TypeError("a question is a JSON object")
            return _json(200, question(said))
        except KeyError as error:
            return _json(400, {"error": f"the question lacks {error}"})
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})
        except AwsError as error:
            return _json(error.status, {"error": str(error)})

    def _status(self, _: dict[str, Any]) -> object:
        with self._cloud.store.read() as connection:
            known = len(accounts.everyone(connection))
        return {
            "region": self._cloud.region,
            "now": self._cloud.clock.now().isoformat(),
            "accounts": known,
            "operations": len(self._cloud.engines.played),
        }

    def _accounts(self, _: dict[str, Any]) -> object:
        with self._cloud.store.read() as connection:
            return [{"id": each.id, "name": each.name, "email": each.email} for each in accounts.everyone(connection)]

    def _sign_in(self, said: dict[str, Any]) -> object:
        """A session of a role of an account, by the account's id or name and the role's name."""
        with self._cloud.store.read() as connection:
            arn = accounts.role_arn(connection, str(said["account"]), str(said["role"]))
        duration_s = int(said.get("duration_s", _SESSION_S))
        if not 900 <= duration_s <= _LONGEST_SESSION_S:
            raise ValueError(f"a session lasts 900 to {_LONGEST_SESSION_S} seconds")
        principal = self._cloud.as_role(arn, str(said.get("name", "local"))).principal
        session = self._cloud.sessions.issue(principal, timedelta(seconds=duration_s))
        return {
            "Version": 1,
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            # The client judges expiry by its own clock, not by the local cloud's.
            "Expiration": (session.expires_at.astimezone(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Account": principal.account,
            "Arn": principal.session_arn,
        }

    def _open_account(self, said: dict[str, Any]) -> object:
        name, email = str(said["name"]), str(said["email"])
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
        if not 1 <= len(name) <= 50 or not _EMAIL.fullmatch(email):
            raise ValueError("an account has a name of 1 to 50 characters and an e-mail address")
        with self._cloud.store.write() as connection:
            account = accounts.create_standalone(connection, name, email, self._cloud.clock.now())
        return {"id": account}

    def _advance(self, said: dict[str, Any]) -> object:
        return {"now": self._cloud.clock.advance(float(said["seconds"])).isoformat()}

    def _disturb(self, said: dict[str, Any]) -> object:
        """Throttle and delay from a seed; a question that says nothing ends both."""
        asked = Disturbance(int(said.get("seed", 0)), float(said.get("throttle", 0.0)), float(said.get("delay_s", 0.0)))
        self._cloud.disturbances.begin(asked)
        return asdict(asked)

    def _decisions(self, said: dict[str, Any]) -> object:
        return self._cloud.decisions.find(
            request_id=str(said.get("request_id", "")),
            changes_of=str(said.get("changes_of", "")),
            denied_only=bool(said.get("denied_only", False)),
            limit=max(1, min(int(said.get("limit", 20)), 1000)),
        )

    def _build_log(self, said: dict[str, Any]) -> object:
        """What a build has printed so far, by its ARN."""
        with self._cloud.store.read() as connection:
            build = find_build(connection, str(said["arn"]))
        if build is None:
            raise ValueError(f"there is no build {said['arn']}")
        log = place_of(self._cloud, build).log
        return {"status": build.status, "log": log.read_text(errors="replace") if log.exists() else ""}

    def _invocations(self, said: dict[str, Any]) -> object:
        """What became of the due times of a schedule, by its ARN, or of all schedules; newest first."""
        return invocations(self._cloud, str(said.get("arn", "")), max(1, min(int(said.get("limit", 20)), 1000)))

    def _end(self, _: dict[str, Any]) -> object:
        self._stop()
        return {"stopping": True}


def _json(status: int, value: object) -> HttpResponse:
    return HttpResponse(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
