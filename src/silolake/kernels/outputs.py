r"""What one cell has put out, as a notebook keeps it: in order, streams in one piece, and not without bounds.

What is more than a cell may keep is left out, and a line on its stderr says how much of what.

>>> outputs = Outputs()
>>> outputs.stream("stdout", "10 %\r")
>>> outputs.stream("stdout", "20 %\n")
>>> outputs.finish()
>>> outputs.listed()
[{'output_type': 'stream', 'name': 'stdout', 'text': '20 %\n'}]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Output = dict[str, Any]

MOST_TEXT = 1_000_000
"""Characters of stdout and stderr that a cell keeps; of what follows, the last ``TAIL``."""
TAIL = 20_000
MOST_DATA = 20_000_000
"""Characters of displayed data that a cell keeps, images as base64."""
MOST_OUTPUTS = 1_000
"""Outputs that a cell keeps."""
MOST_ERROR = 100_000
"""Characters of an error's message, and of each entry of its traceback."""


def collapse(text: str) -> str:
    r"""What is left to be seen of a text with carriage returns.

    >>> collapse("1/3\r2/3\r3/3\r\ndone\n")
    '3/3\r\ndone\n'
    """
    # No regular expression: on a long line without a return each would look from every letter to the line's end.
    return "\n".join(map(_seen, text.split("\n"))) if "\r" in text else text


def _seen(line: str) -> str:
    """A terminal goes back to the line's beginning and writes over it."""
    body = line.rstrip("\r")
    return body.rpartition("\r")[2] + line[len(body) :]


def trim(data: Mapping[str, Any], room: int) -> tuple[dict[str, Any], list[str]]:
    """The forms of a display that fit, the smaller ones first, and a line for each that does not.

    >>> trim({"text/plain": "short", "text/html": "x" * 100}, 50)
    ({'text/plain': 'short'}, ['[silolake: text/html of 100 characters is left out; a cell keeps 20,000,000]\\n'])
    """
    kept, notes = {}, []
    for mime, value in sorted(data.items(), key=lambda item: size(item[1])):
        length = size(value)
        if length <= room:
            room -= length
            kept[mime] = value
        else:
            told = f"{mime} of {length:,} characters is left out; a cell keeps {MOST_DATA:,}"
            notes.append(f"[silolake: {told}]\n")
    return {mime: kept[mime] for mime in data if mime in kept}, notes


def size(value: Any) -> int:
    """The length of a form of a display."""
    return len(value) if isinstance(value, (str, bytes)) else len(json.dumps(value, default=str))


class Outputs:
    """The outputs of one cell, taken as they come."""

    def __init__(self) -> None:
        self.changed = False
        self._outputs: list[Output] = []
        self._pieces: dict[int, list[str]] = {}
        self._text = self._data = self._dropped = 0
        self._lost: dict[str, int] = {}
        self._tails: dict[str, str] = {}
        self._clear_first = False

    def stream(self, name: str, text: str) -> None:
        """Text for stdout or stderr."""
        if not text:
            return
        text = _writable(text)
        self._clear_if_asked()
        if self._text + len(text) > MOST_TEXT:
            self._settle()
        kept = text[: max(0, MOST_TEXT - self._text)]
        if kept:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("name") != name or "data" in last:
                last = {"output_type": "stream", "name": name, "text": ""}
                if not self._add(last):
                    return
            self._pieces.setdefault(id(last), [last["text"]]).append(kept)
            self._text += len(kept)
        rest = text[len(kept) :]
        if rest:
            self._lost[name] = self._lost.get(name, 0) + len(rest)
            self._tails[name] = (self._tails.get(name, "") + rest)[-TAIL:]
        self.changed = True

    def message(self, kind: str, content: Mapping[str, Any]) -> Output | None:
        """A message of Jupyter's; the output it has made, if it has."""
        match kind:
            case "clear_output":
                self._clear_first = bool(content.get("wait"))
                if not self._clear_first:
                    self._clear()
            case "display_data" | "execute_result":
                return self._display(kind, content)
            case "error":
                self._clear_if_asked()
                error = {"output_type": "error", **shortened(content)}
                # How a cell failed is kept however much it has put out before.
                self._outputs.append(error)
                self.changed = True
                return error
        return None

    def update(self, output: Output, content: Mapping[str, Any]) -> None:
        """Show something else in place of what was displayed."""
        self._data -= sum(map(size, output["data"].values()))
        output["data"], output["metadata"] = self._fitting(content), dict(content.get("metadata") or {})
        self.changed = True

    def finish(self) -> None:
        """Nothing more comes: say what was left out."""
        self._settle()
        for name, lost in self._lost.items():
            told = f"{lost:,} characters of {name} are left out here; a cell keeps {MOST_TEXT:,} and the last {TAIL:,}"
            self._note(f"[silolake: {told}]\n")
            self._outputs.append({"output_type": "stream", "name": name, "text": collapse(self._tails[name])})
        if self._dropped:
            self._note(f"[silolake: {self._dropped:,} outputs more are left out; a cell keeps {MOST_OUTPUTS:,}]\n")
        self._lost, self._tails, self._dropped = {}, {}, 0

    def listed(self) -> list[Output]:
        """The outputs so far."""
        self._settle()
        return self._outputs

    def _display(self, kind: str, content: Mapping[str, Any]) -> Output | None:
        self._clear_if_asked()
        output = {"output_type": kind, "metadata": dict(content.get("metadata") or {}), "data": {}}
        if kind == "execute_result":
            output["execution_count"] = content["execution_count"]
        if not self._add(output):
            return None
        output["data"] = self._fitting(content)
        return output

    def _fitting(self, content: Mapping[str, Any]) -> dict[str, Any]:
        kept, notes = trim(content["data"], MOST_DATA - self._data)
        self._data += sum(map(size, kept.values()))
        for each in notes:
            self._note(each)
        return {mime: _writable(value) if isinstance(value, str) else value for mime, value in kept.items()}

    def _add(self, output: Output) -> bool:
        if len(self._outputs) >= MOST_OUTPUTS:
            self._dropped += 1
            return False
        self._outputs.append(output)
        self.changed = True
        return True

    def _note(self, text: str) -> None:
        self._outputs.append({"output_type": "stream", "name": "stderr", "text": text})
        self.changed = True

    def _clear_if_asked(self) -> None:
        if self._clear_first:
            self._clear_first = False
            self._clear()

    def _clear(self) -> None:
        self._outputs = []
        self._pieces, self._text, self._data, self._dropped = {}, 0, 0, 0
        self._lost, self._tails = {}, {}
        self.changed = True

    def _settle(self) -> None:
        """Join what has come in pieces."""
        for output in self._outputs:
            pieces = self._pieces.get(id(output))
            if pieces:
                output["text"] = collapse("".join(pieces))
        self._pieces = {}
        self._text = sum(len(each["text"]) for each in self._outputs if each["output_type"] == "stream")


def _writable(text: str) -> str:
    """The text without halves of surrogate pairs, which no UTF-8 file can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def shortened(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error's name, message and traceback, each line of them within bounds."""
    return {
        "ename": _short(str(error["ename"])),
        "evalue": _short(str(error["evalue"])),
        "traceback": [_short(str(line)) for line in error["traceback"]],
    }


def _short(text: str) -> str:
    text = _writable(text)
    if len(text) <= MOST_ERROR:
        return text
    # With room for the note, so that what was shortened once is not shortened again.
    kept = MOST_ERROR - 100
    return f"{text[:kept]} … [silolake: {len(text) - kept:,} characters more are left out]"
