"""``multipart/form-data`` read as it comes: the fields first, then the file as a stream."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, Preamble

from silolake.localcloud.errors import AwsError

_PIECE = 1 << 16
_LONGEST_FIELDS = 20 << 10


@dataclass(frozen=True, slots=True)
class Form:
    """A form that puts an object.

    Attributes:
        fields: those before the file, by lower-case name; S3 ignores what follows it.
        filename: the file's own name, without folders.
        file: the file, to be read once.
    """

    fields: Mapping[str, str]
    filename: str
    file: BinaryIO


def open_form(body: BinaryIO, content_type: str, length: int | None) -> Form:
    """Read a form up to its file.

    Args:
        body: what the client sends.
        content_type: its header, which says the boundary.
        length: what ``Content-Length`` says.

    Raises:
        AwsError: it is no form, has no file, or its fields are longer than 20 KB.
    """
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise AwsError("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
    events = _Events(body, MultipartDecoder(boundary.encode("latin-1")), length)
    fields: dict[str, str] = {}
    size = 0
    while True:
        match events.next():
            case Preamble():
                continue
            case File() as found if found.name == "file":
                name = PurePosixPath(found.filename or "").name
                return Form(fields, name, cast(BinaryIO, _File(events)))
            # A browser is not the only one to post: curl and requests may send the file without a name.
            case Field(name="file"):
                return Form(fields, "", cast(BinaryIO, _File(events)))
            case Field(name=name) | File(name=name):
                text = events.text(_LONGEST_FIELDS - size)
                size += len(text)
                fields[name.lower()] = text
            case _:
                raise AwsError("InvalidArgument", "POST requires exactly one file upload per request.", 400)


class _Events:
    def __init__(self, body: BinaryIO, decoder: MultipartDecoder, length: int | None) -> None:
        self._body, self._decoder, self._left = body, decoder, length

    def next(self) -> Event:
        """The next event.

        Raises:
            AwsError: the body ends in its midst, or is none.
        """
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                want = _PIECE if self._left is None else min(_PIECE, self._left)
                piece = self._body.read(want) if want else b""
                if self._left is not None:
                    self._left -= len(piece)
                self._decoder.receive_data(piece or None)
        except (ValueError, HTTPException) as error:
            message = "The body of your POST request is not well-formed multipart/form-data."
            raise AwsError("MalformedPOSTRequest", message, 400) from error
        return event

    def text(self, longest: int) -> str:
        """A field's value.

        Raises:
            AwsError: it is too long.
        """
        found = b""
        while True:
            event = self.next()
            if not isinstance(event, Data):
                raise AwsError("MalformedPOSTRequest", "A field of your POST request does not end.", 400)
            found += event.data
            if len(found) > longest:
                message = "Your POST request fields preceding the upload file were too large."
                raise AwsError("MaxPostPreDataLengthExceeded", message, 400)
            if not event.more_data:
                return found.decode("utf-8", "replace")


class _File(io.RawIOBase):
    """The form's file."""

    def __init__(self, events: _Events) -> None:
        self._events, self._left, self._ended = events, b"", False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._left]
        have = len(self._left)
        while not self._ended and (size < 0 or have < size):
            event = self._events.next()
            if not isinstance(event, Data):
                raise AwsError("MalformedPOSTRequest", "The file of your POST request does not end.", 400)
            found.append(event.data)
            have += len(event.data)
            self._ended = not event.more_data
        whole = b"".join(found)
        end = len(whole) if size < 0 else size
        self._left = whole[end:]
        return whole[:end]
