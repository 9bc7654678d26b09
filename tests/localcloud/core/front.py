"""A local cloud's front: requests written byte by byte, and a signer of their own, so that each part can be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from silolake.cloud import Cloud, Credentials, LocalEndpoint, sign_in

REGION = "us-east-1"
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error's code, in whichever protocol it is worded; empty where it is no error of AWS's shape."""
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        if found:
            return found[1].decode()
        try:
            said = json.loads(self.body)
        except ValueError:
            return ""
        return str(said.get("__type", "")) if isinstance(said, dict) else ""


@dataclass(frozen=True)
class Signing:
    """A Signature Version 4 in the header, as it is about to be made; ``replace`` makes it wrong.

    Attributes:
        target: path and query, as they are sent.
        payload: the body's digest or one of S3's words; computed from the body where it is empty.
        unsigned: headers that are sent and not signed.
    """

    method: str
    target: str
    credentials: Credentials
    host: str
    body: bytes = b""
    service: str = "s3"
    region: str = REGION
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: str = ""
    unsigned: frozenset[str] = frozenset()
    day: str = ""

    @property
    def stamp(self) -> str:
        return self.at.strftime("%Y%m%dT%H%M%SZ")

    @property
    def scope(self) -> str:
        return f"{self.day or self.stamp[:8]}/{self.region}/{self.service}/aws4_request"

    @cached_property
    def digest(self) -> str:
        return self.payload or hashlib.sha256(self.body).hexdigest()

    @cached_property
    def key(self) -> bytes:
        return chain(f"AWS4{self.credentials.secret}".encode(), *self.scope.split("/"))

    @cached_property
    def sent(self) -> dict[str, str]:
        """The headers without the signature."""
        own = {"host": self.host, "x-amz-date": self.stamp, "x-amz-security-token": self.credentials.token}
        if self.service == "s3":
            own["x-amz-content-sha256"] = self.digest
        return {**own, **{name.lower(): value for name, value in self.headers.items()}}

    @cached_property
    def names(self) -> list[str]:
        return sorted(name for name in self.sent if name not in self.unsigned)

    @cached_property
    def signature(self) -> str:
        path, _, query = self.target.partition("?")
        whole = quote(unquote(path), safe="/~") if self.service == "s3" else quote(path, safe="/~")
        pairs = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in parse_qsl(query, keep_blank_values=True))
        canonical = "\n".join(
            (
                self.method,
                whole,
                "&".join(f"{name}={value}" for name, value in pairs),
                "".join(f"{name}:{' '.join(self.sent[name].split())}\n" for name in self.names),
                ";".join(self.names),
                self.digest,
            )
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        return hexed(self.key, f"AWS4-HMAC-SHA256\n{self.stamp}\n{self.scope}\n{hashed}")

    @property
    def all_headers(self) -> dict[str, str]:
        """What is sent, the signature included."""
        credential = f"{self.credentials.access_key}/{self.scope}"
        signed = f"SignedHeaders={';'.join(self.names)}, Signature={self.signature}"
        return {**self.sent, "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, {signed}"}

    def chunks(self, *pieces: bytes) -> bytes:
        """The body in signed chunks, the empty last one included.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
        """
        nothing, previous, parts = hashlib.sha256(b"").hexdigest(), self.signature, []
        for piece in (*pieces, b""):
            lines = (self.stamp, self.scope, previous, nothing, hashlib.sha256(piece).hexdigest())
            previous = hexed(self.key, "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", *lines)))
            parts.append(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), previous.encode(), piece))
        return b"".join(parts)


def chain(key: bytes, *parts: str) -> bytes:
    """A key derived part by part."""
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def hexed(key: bytes, text: str) -> str:
    """An HMAC in hex."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Front:
    """A running local cloud and one identity in it."""

    endpoint: LocalEndpoint
    cloud: Cloud
    bucket: str = ""

    @classmethod
    def of(cls, endpoint: LocalEndpoint) -> Front:
        """With the management account's administrator and a bucket of theirs."""
        cloud = sign_in(endpoint, "management", "Administrator")
        front = cls(endpoint, cloud, f"front-{cloud.account}")
        cloud.call("s3", "create_bucket", Bucket=front.bucket)
        return front

    @property
    def credentials(self) -> Credentials:
        found = self.cloud.credentials
        assert found is not None
        return found

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint.https).netloc

    def signing(self, method: str, target: str, body: bytes = b"", **more: Any) -> Signing:
        """A request that this identity would sign; ``{bucket}`` in the target is the bucket."""
        credentials = more.pop("credentials", self.credentials)
        return Signing(method, target.replace("{bucket}", self.bucket), credentials, self.host, body, **more)

    def ask(self, signing: Signing, **changed: Any) -> Answer:
        """Send a signed request, with parts changed after it was signed: ``target``, ``body``, ``headers``."""
        headers = {**signing.all_headers, **changed.get("headers", {})}
        body = changed.get("body", signing.body)
        return self.send(signing.method, changed.get("target", signing.target), headers, body)

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | Iterable[bytes] = b"",
        *, secure: bool = True,
    ) -> Answer:  # fmt: skip
        """Send a request as it is written; an iterable body goes in HTTP's chunks, a header ``None`` is left out."""
        connection = self.connect(secure=secure)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            sent = {"host": self.host, **{name.lower(): value for name, value in (headers or {}).items()}}
            whole = isinstance(body, bytes)
            if whole and (body or method in ("PUT", "POST")):
                sent.setdefault("content-length", str(len(body)))
            elif not whole:
                sent["transfer-encoding"] = "chunked"
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(message_body=body if body or not whole else None, encode_chunked=not whole)
            answer = connection.getresponse()
            return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def connect(self, *, secure: bool = True) -> http.client.HTTPConnection:
        """A connection of one's own."""
        parts = urlsplit(self.endpoint.https if secure else self.endpoint.http)
        assert parts.hostname is not None
        if not secure:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        context = ssl.create_default_context(cafile=self.endpoint.ca)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=30, context=context)

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client that tries once."""
        from botocore.client import Config

        return self.cloud.session.client(
            service,
            endpoint_url=self.endpoint.https,
            verify=self.endpoint.ca,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )


def spoilt(credentials: Credentials, **changes: str) -> Credentials:
    """Credentials that are not quite right."""
    return replace(credentials, **changes)


def post_form(fields: Mapping[str, str], file: bytes) -> tuple[str, bytes]:
    """A browser's form: its content type and its body."""
    boundary = "frontier"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n'.encode()
    return f"multipart/form-data; boundary={boundary}", b"".join(
        (*parts, head, file, f"\r\n--{boundary}--\r\n".encode())
    )


def encoded(document: object) -> str:
    """A POST policy as it travels."""
    return base64.b64encode(json.dumps(document).encode()).decode()


VERSIONS = {"version 4": "s3v4", "version 2": "s3"}


def presign(front: Front, version: str, operation: str = "get_object", expires: int = 600, **parameters: Any) -> str:
    """A URL's path and query."""
    asked = {"Bucket": front.bucket, "Key": "drop.csv", **parameters}
    # boto3 decides by the endpoint; on some it presigns with version 2 by itself.
    s3 = front.client("s3", signature_version=VERSIONS[version])
    parts = urlsplit(s3.generate_presigned_url(operation, asked, ExpiresIn=expires))
    assert ("X-Amz-Signature" in parts.query) == (version == "version 4")
    return f"{parts.path}?{parts.query}"


def form(front: Front, *conditions: Any, key: str = "form.csv", expires: int = 600) -> tuple[dict[str, str], str]:
    """A form's fields as boto3 signs them, and where it goes."""
    made = front.client("s3", signature_version="s3v4").generate_presigned_post(
        front.bucket, key, Conditions=list(conditions), ExpiresIn=expires
    )
    return made["fields"], urlsplit(made["url"]).path


def post(front: Front, fields: dict[str, str], file: bytes) -> Answer:
    """Send a form."""
    content_type, body = post_form(fields, file)
    return front.send("POST", f"/{front.bucket}", {"content-type": content_type}, body)


def signed_in_again(front: Front) -> Front:
    """The same place, in a session that is issued now."""
    return Front(front.endpoint, sign_in(front.endpoint, "management", "Administrator"), front.bucket)
