"""A ``Cloud``: one identity's way to AWS, in one Region."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from silolake.cloud.renewing import Credentials, Renewing
from silolake.errors import CloudError, CloudUnreachable, Denied, SilolakeError, Throttled

if TYPE_CHECKING:
    import boto3

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)


@dataclass(frozen=True)
class Reach:
    """Where AWS is to be found.

    Attributes:
        endpoint: a URL for every service, or empty for AWS's own.
        ca_bundle: the certificate authorities to trust, a path, or empty for the system's.
    """

    region: str
    endpoint: str = ""
    ca_bundle: str = ""


@functools.cache
def _loader() -> Any:
    """botocore's service models, read once for all identities: they hold no credentials."""
    import botocore.loaders

    return botocore.loaders.create_loader()


class Cloud:
    """Asks AWS as one identity.

    Args:
        reach: the Region and where to find AWS.
        credentials: whose; ``None`` takes what botocore's own chain finds (environment, profile, container).
        profile: a named profile of the shared configuration, for that chain.
        renew: asks for the next credentials when these end; without it they end.
    """

    def __init__(
        self,
        reach: Reach,
        credentials: Credentials | None = None,
        profile: str = "",
        renew: Callable[[], Credentials] | None = None,
    ) -> None:
        self.reach = reach
        self._profile = profile
        self._own = credentials
        self._renewing = Renewing(credentials, renew) if credentials and renew else None
        self._clients: dict[str, Any] = {}
        self._turn = threading.Lock()
        self._account = ""

    @property
    def credentials(self) -> Credentials | None:
        """The credentials it was given, or the next ones; ``None`` where botocore's own chain finds them."""
        return self._renewing.present() if self._renewing else self._own

    @property
    def region(self) -> str:
        """The Region that is asked."""
        return self.reach.region

    @functools.cached_property
    def session(self) -> boto3.Session:
        """A boto3 session of this identity, for what an analyst's own libraries do with it."""
        import boto3
        import botocore.session

        core = botocore.session.Session()
        core.register_component("data_loader", _loader())
        if self._profile:
            core.set_config_variable("profile", self._profile)
        core.set_config_variable("region", self.region)
        if self._renewing is not None:
            core.register_component("credential_provider", self._renewing.resolver())
        elif self._own is not None:
            core.set_credentials(self._own.access_key, self._own.secret, self._own.token)
        return boto3.Session(botocore_session=core)

    def client(self, service: str) -> Any:
        """A client of one service, made once. ``call`` and ``pages`` word its errors as ours."""
        with self._turn:
            if service not in self._clients:
                from botocore.config import Config

                self._clients[service] = self.session.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.reach.endpoint or None,
                    verify=self.reach.ca_bundle or None,
                    config=Config(
                        # Five, its default, are over in seconds; who is throttled along with fifty others waits longer.
                        retries={"mode": "standard", "total_max_attempts": 9},
                        connect_timeout=5,
                        read_timeout=120,
                        max_pool_connections=16,
                        user_agent_extra="silolake",
                    ),
                )
                if self._renewing is not None:
                    self._clients[service].meta.events.register_first("needs-retry", self._renewing.try_again)
            return self._clients[service]

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One operation, by boto3's name of it: ``cloud.call("glue", "get_table", DatabaseName=…, Name=…)``.

        Raises:
            Denied: IAM said no.
            Throttled: AWS asks for patience, beyond botocore's own retries.
            CloudError: any other error, with AWS's code and words.
            CloudUnreachable: nothing answers.
        """
        client = self.client(service)
        with _worded(f"{service}:{operation}", self.reach):
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer

    def pages(self, service: str, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
        """Every item of a paged operation's list ``member``, page by page; raises as ``call``."""
        client = self.client(service)
        with _worded(f"{service}:{operation}", self.reach):
            if client.can_paginate(operation):
                for page in client.get_paginator(operation).paginate(**parameters):
                    yield from page.get(member) or ()
                return
            token: dict[str, str] = {}
            while True:
                page = getattr(client, operation)(**parameters, **token)
                yield from page.get(member) or ()
                if not page.get("NextToken"):
                    return
                token = {"NextToken": page["NextToken"]}

    def stream(self, **where: Any) -> Iterator[bytes]:
        """An object's bytes, piece by piece: ``cloud.stream(Bucket=…, Key=…)``; raises as ``call``."""
        client = self.client("s3")
        with _worded("s3:get_object", self.reach), closing(client.get_object(**where)["Body"]) as body:
            yield from body.iter_chunks(1 << 20)

    @property
    def account(self) -> str:
        """The identity's account, asked once."""
        if not self._account:
            self._account = str(self.call("sts", "get_caller_identity")["Account"])
        return self._account

    def frozen(self) -> Credentials:
        """This identity's present credentials, for whoever must hand them on.

        Raises:
            Denied: there are none.
        """
        given = self.credentials
        if given is not None:
            return given
        found = self.session.get_credentials()
        if found is None:
            raise Denied(
                "credentials", "NoCredentials", "no credentials were found; run silolake env, or name a profile"
            )
        held = found.get_frozen_credentials()
        expires_at: datetime | None = getattr(found, "_expiry_time", None)
        return Credentials(held.access_key or "", held.secret_key or "", held.token or "", expires_at)

    def as_role(
        self, arn: str, session_name: str, *, source_identity: str = "", tags: Mapping[str, str] | None = None
    ) -> Cloud:
        """The same place, asked as a role that this identity assumes.

        Args:
            arn: the role's.
            session_name: shown in every log line of the session.
            source_identity: who stands behind it; it stays through every further role.
            tags: the session's tags; they too stay through every further role.

        Raises:
            Denied: the role does not trust this identity, or a guard rail forbids it.
        """

        def assume() -> Credentials:
            return self.assume(arn, session_name, source_identity=source_identity, tags=tags)

        return Cloud(self.reach, assume(), renew=assume)

    def assume(
        self, arn: str, session_name: str, *, source_identity: str = "", tags: Mapping[str, str] | None = None
    ) -> Credentials:
        """The credentials behind ``as_role``, for whoever must hand them on."""
        further: dict[str, Any] = {"SourceIdentity": source_identity} if source_identity else {}
        if tags:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
            further["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
            further["TransitiveTagKeys"] = list(tags)
        # A role assumed by a role lives an hour at most (role chaining).
        answer = self.call("sts", "assume_role", RoleArn=arn, RoleSessionName=session_name[:64], **further)
        found = answer["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])


class _worded:
    """Turns botocore's errors into ours."""

    def __init__(self, operation: str, reach: Reach) -> None:
        self._operation, self._reach = operation, reach

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        worded = word_error(error, self._operation, self._reach)
        if worded is not None:
            raise worded from error


def word_error(error: BaseException, operation: str, reach: Reach) -> SilolakeError | None:
    """Our error for one of botocore's; ``None`` for an error that is not botocore's."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        said = error.response.get("Error", {})
        code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        if code in _DENIED:
            return Denied(operation, code, message)
        if code in _THROTTLED:
            return Throttled(operation, code, message)
        return CloudError(operation, code, message)
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.CredentialRetrievalError)):
        return Denied(operation, "NoCredentials", str(error))
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return CloudUnreachable(reach.endpoint or f"AWS in {reach.region}", str(error))
    if isinstance(error, exceptions.BotoCoreError):
        return CloudError(operation, type(error).__name__, str(error))
    return None
