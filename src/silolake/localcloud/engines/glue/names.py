"""Whose catalog is asked, what things in it are called, and Glue's words when they are not as they must be."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile("[\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\t]{1,255}")


@dataclass(frozen=True, slots=True)
class Catalog:
    """One account's Data Catalog in one Region.

    >>> Catalog("111111111111", "us-east-1").table_arn("processed", "flights")
    'arn:aws:glue:us-east-1:111111111111:table/processed/flights'
    """

    account: str
    region: str

    @property
    def arn(self) -> str:
        """The catalog's own ARN."""
        return f"arn:aws:glue:{self.region}:{self.account}:catalog"

    def database_arn(self, database: str) -> str:
        """A database's ARN; ``*`` names all."""
        return f"arn:aws:glue:{self.region}:{self.account}:database/{database}"

    def table_arn(self, database: str, table: str) -> str:
        """A table's ARN; ``*`` names all tables of the database."""
        return f"arn:aws:glue:{self.region}:{self.account}:table/{database}/{table}"


def catalog_of(call: Call) -> Catalog:
    """The catalog that a call is about: ``CatalogId``, or the caller's own.

    Raises:
        NotPlayed: a nested or federated catalog.
        AwsError: ``InvalidInputException``, the id is no account's.
    """
    account = call.parameters.get("CatalogId") or call.account
    if not re.fullmatch(r"\d{12}", account):
        if ":" in account or "/" in account:
            raise NotPlayed(f"glue:{call.operation} in a catalog other than an account's own ({account})")
        raise invalid(f"Catalog id {account} is not valid: it must be an account id of twelve digits.")
    return Catalog(account, call.region)


def folded(name: str, what: str) -> str:
    """A name as the catalog keeps it, in lower case.

    Raises:
        AwsError: ``ValidationException``, it is empty, too long or has forbidden characters.
    """
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at '{what}' failed to satisfy constraint: Member must have "
            "length between 1 and 255 and match the single-line string pattern",
        )
    return name.lower()


def parameter(call: Call, name: str) -> str:
    """A required name among the call's parameters, folded.

    Raises:
        AwsError: ``ValidationException``, it is missing or not a name.
    """
    return folded(required(call.parameters, name), name[0].lower() + name[1:])


def required(parameters: Mapping[str, Any], name: str) -> Any:
    """A required member.

    Raises:
        AwsError: ``ValidationException``, it is missing.
    """
    if parameters.get(name) is None:
        member = name[0].lower() + name[1:]
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return parameters[name]


def at_most(items: Sequence[Any], limit: int, name: str) -> None:
    """Refuse a list that is longer than Glue takes in one call.

    Raises:
        AwsError: ``ValidationException``.
    """
    if len(items) > limit:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}",
        )


def refuse_unplayed(call: Call, *names: str) -> None:
    """Refuse, by name, the parameters whose meaning the local cloud does not play.

    Raises:
        NotPlayed: one of them is given.
    """
    for name in names:
        if call.parameters.get(name) is not None:
            raise NotPlayed(f"glue:{call.operation} with {name}")


def page_size(call: Call, limit: int) -> int:
    """How many results the caller wants at once.

    Raises:
        AwsError: ``ValidationException``, fewer than one or more than Glue's limit.
    """
    wanted = call.parameters.get("MaxResults")
    if wanted is None:
        return limit
    if not 1 <= wanted <= limit:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{wanted}' at 'maxResults' failed to satisfy constraint: "
            f"Member must have value between 1 and {limit}",
        )
    return int(wanted)


def token_for(last: str) -> str:
    """A continuation token: where the last page ended.

    >>> after(token_for("flights"))
    'flights'
    """
    return base64.urlsafe_b64encode(last.encode()).decode()


def after(token: str | None) -> str:
    """Where the last page ended; the empty string at the beginning.

    Raises:
        AwsError: ``InvalidInputException``, the token is not one of ours.
    """
    try:
        return base64.b64decode((token or "").encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Invalid continuation token.") from error


def invalid(message: str) -> AwsError:
    """``InvalidInputException``."""
    return AwsError("InvalidInputException", message)


def not_found(message: str) -> AwsError:
    """``EntityNotFoundException``."""
    return AwsError("EntityNotFoundException", message)


def exists(message: str) -> AwsError:
    """``AlreadyExistsException``."""
    return AwsError("AlreadyExistsException", message)


def detail(error: AwsError) -> dict[str, str]:
    """An error as a batch operation reports it for one of its items."""
    return {"ErrorCode": error.code, "ErrorMessage": error.message}
