"""What an action is handed, and how it ends."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from silolake.localcloud.call import Call, Caller
from silolake.localcloud.cloud import LocalCloud, new_request_id
from silolake.localcloud.engines.codebuild.records import Artifact
from silolake.localcloud.errors import AwsError


def invalid_action(message: str) -> AwsError:
    """An action that cannot be one."""
    return AwsError("InvalidActionDeclarationException", message)


class ActionFailed(Exception):
    """An action that fails, in CodePipeline's words.

    Attributes:
        code: ``PermissionError``, ``ConfigurationError`` or ``JobFailed``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def refused(error: AwsError, service: str) -> ActionFailed:
    """What CodePipeline says of a service that answered its role with an error."""
    underlying = f"{error.message} (Service: {service}; Status Code: {error.status}; Error Code: {error.code})"
    if "AccessDenied" in error.code:
        return ActionFailed(
            "PermissionError",
            "Insufficient permissions: The provided role does not have permissions to perform this action. "
            f"Underlying error: {underlying}",
        )
    return ActionFailed("ConfigurationError", underlying)


@dataclass(frozen=True)
class Outcome:
    """How an action ended well.

    Attributes:
        revision: of a source.
        outputs: the output artifacts it made.
    """

    summary: str = ""
    revision: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class Act:
    """One action to be performed.

    Attributes:
        role: the pipeline's role, or the action's own, which the pipeline's has assumed.
        token: by which what is started is started once, whatever is killed meanwhile.
        configuration: its variables resolved.
        inputs: by their names, as the declaration has them.
        outputs: where the output artifacts go.
        pipeline: the pipeline's name.
        revision: the version of the source that was asked for; empty for the newest.
    """

    cloud: LocalCloud
    region: str
    role: Caller
    token: str
    configuration: Mapping[str, str]
    inputs: Mapping[str, Artifact]
    outputs: tuple[Artifact, ...]
    pipeline: str
    revision: str = ""

    def ask(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Perform ``"s3:GetObject"`` as the role. Writes what it writes.

        Raises:
            AwsError: it was refused.
        """
        service, name = operation.split(":")
        return self.cloud.invoke(self.role, service, name, parameters, self.region)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Call:
        """The call that an operation of the role is, for engines that are asked by their functions."""
        service, name = operation.split(":")
        return Call(service, name, parameters, self.role, self.region, self.cloud, new_request_id())

    def read(self, artifact: Artifact) -> bytes:
        """The bytes of an artifact. Reads S3.

        Raises:
            ActionFailed: the role may not, or it is gone.
        """
        try:
            content: bytes = self.ask("s3:GetObject", {"Bucket": artifact.bucket, "Key": artifact.key})["Body"].read()
        except AwsError as error:
            raise refused(error, "Amazon S3") from error
        return content

    def file(self, place: str) -> str:
        """The text of a file in an input artifact, ``Artifact::path/in/it``. Reads S3.

        Raises:
            ActionFailed: there is no such artifact or file.
        """
        name, _, path = place.partition("::")
        if name not in self.inputs:
            raise ActionFailed("ConfigurationError", f"There is no input artifact {name}")
        try:
            with zipfile.ZipFile(io.BytesIO(self.read(self.inputs[name]))) as archive:
                return archive.read(path).decode()
        except KeyError:
            raise ActionFailed("ConfigurationError", f"File [{path}] does not exist in artifact [{name}]") from None
        except (zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise ActionFailed("ConfigurationError", f"Artifact [{name}] cannot be read: {error}") from error

    def put(self, artifact: Artifact, content: bytes) -> None:
        """Put an artifact. Writes S3.

        Raises:
            ActionFailed: the role may not.
        """
        # An alias' ARN of the AWS managed key is S3's own choice where no key is named.
        named = {} if artifact.key_arn.endswith(":alias/aws/s3") else {"SSEKMSKeyId": artifact.key_arn}
        asked = {"Bucket": artifact.bucket, "Key": artifact.key, "Body": content, "ServerSideEncryption": "aws:kms"}
        try:
            self.ask("s3:PutObject", {**asked, **named})
        except AwsError as error:
            raise refused(error, "Amazon S3") from error


class Provider(Protocol):
    """Who performs a type of action.

    Attributes:
        inputs: how many input artifacts it takes, at least and at most.
        outputs: how many it makes.
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]

    def check(self, name: str, configuration: Mapping[str, str], inputs: list[str]) -> None:
        """Refuse a configuration that cannot work, when the pipeline is declared.

        Raises:
            AwsError: ``InvalidActionDeclarationException``.
            NotPlayed: a way of acting that is not played.
        """

    def begin(self, act: Act) -> str | Outcome:
        """Begin; what was begun before under the same token is not begun again. Writes.

        Returns:
            the id of what goes on elsewhere, or how it ended at once.

        Raises:
            ActionFailed: it cannot be begun.
        """

    def look(self, act: Act, external: str) -> Outcome | None:
        """How what goes on elsewhere has ended; ``None`` while it goes on.

        Raises:
            ActionFailed: it ended badly.
        """


def check_configuration(
    name: str, configuration: Mapping[str, str], required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    """Refuse what an action's configuration lacks or cannot have.

    Raises:
        AwsError: ``InvalidActionDeclarationException``.
    """
    for each in required:
        if not configuration.get(each):
            raise invalid_action(f"Action configuration for action '{name}' is missing required configuration '{each}'")
    for each in configuration:
        if each not in (*required, *optional):
            raise invalid_action(
                f"Action configuration for action '{name}' contains unknown configuration '{each}'; the silolake local "
                f"cloud plays {', '.join((*required, *optional))}"
            )


def place_for(pipeline: str, artifact: str) -> str:
    """A key in the artifact bucket, as CodePipeline makes them."""
    return f"{pipeline[:20]}/{artifact[:10]}/{secrets.token_hex(4)[:7]}.zip"
