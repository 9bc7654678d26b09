"""What a cell may put out has bounds, and what is left out is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silolake.kernels import outputs as bounds
from silolake.kernels.cells import Cells
from silolake.kernels.outputs import Outputs, collapse

from .desk import PATIENCE_S, execute, said

Begin = Callable[..., Cells]


def texts(outputs: Outputs, name: str) -> list[str]:
    """The pieces of one stream."""
    return [each["text"] for each in outputs.listed() if each.get("name") == name]


def test_a_huge_text_is_cut_with_its_end_kept(begin: Begin) -> None:
    """Twenty million characters: the first million, the last twenty thousand, and how many are missing."""
    outputs = Outputs()
    source = "for _ in range(200): print('x' * 99_999)\nprint('the end')"
    assert not begin().run(source, outputs, PATIENCE_S * 3).failed
    head, tail = texts(outputs, "stdout")
    assert len(head) == bounds.MOST_TEXT and len(tail) == bounds.TAIL
    assert tail.endswith("the end\n")
    (note,) = texts(outputs, "stderr")
    assert (
        note
        == "[silolake: 19,000,008 characters of stdout are left out here; a cell keeps 1,000,000 and the last 20,000]\n"
    )


def test_twenty_thousand_flushed_lines_are_one_output(begin: Begin) -> None:
    """Each its own message with Jupyter's sockets."""
    outputs = Outputs()
    begin().run("for n in range(20_000): print(n, flush=True)", outputs, PATIENCE_S)
    (text,) = texts(outputs, "stdout")
    assert text.split() == list(map(str, range(20_000)))


def test_a_huge_picture_is_left_out_and_the_text_beside_it_kept(begin: Begin) -> None:
    outputs = Outputs()
    source = "display({'text/plain': 'a picture', 'image/png': 'A' * 30_000_000}, raw=True)"
    assert not begin().run(source, outputs, PATIENCE_S).failed
    (shown,) = (each for each in outputs.listed() if each["output_type"] == "display_data")
    assert shown["data"] == {"text/plain": "a picture"}
    assert texts(outputs, "stderr") == [
        "[silolake: image/png of 30,000,000 characters is left out; a cell keeps 20,000,000]\n"
    ]


def test_pictures_are_counted_together(begin: Begin) -> None:
    """The third of eight million characters is too much; what replaces another counts for it."""
    outputs = Outputs()
    source = "for _ in range(3): display({'image/png': 'A' * 8_000_000}, raw=True)"
    assert not begin().run(source, outputs, PATIENCE_S).failed
    assert [len(each["data"]) for each in outputs.listed() if "data" in each] == [1, 1, 0]
    replaced = Outputs()
    source = "h = display('', display_id=True)\nfor _ in range(5): h.update({'image/png': 'A' * 8_000_000}, raw=True)"
    assert not begin().run(source, replaced, PATIENCE_S).failed
    assert [list(each["data"]) for each in replaced.listed()] == [["image/png"]]


def test_many_outputs_are_counted(begin: Begin) -> None:
    outputs = Outputs()
    assert not begin().run("for n in range(1_200): display(n)", outputs, PATIENCE_S).failed
    assert len(outputs.listed()) == bounds.MOST_OUTPUTS + 1
    assert texts(outputs, "stderr") == ["[silolake: 200 outputs more are left out; a cell keeps 1,000]\n"]


def test_how_a_cell_failed_is_kept_however_much_it_has_put_out(begin: Begin) -> None:
    """And a message that is longer than any that can be sent is shortened."""
    outputs = Outputs()
    source = "for n in range(1_200): display(n)\nprint('x' * 2_000_000)\nraise ValueError('y' * 135_000_000)"
    assert begin().run(source, outputs, PATIENCE_S).failed
    (error,) = (each for each in outputs.listed() if each["output_type"] == "error")
    assert error["evalue"].endswith("… [silolake: 134,900,100 characters more are left out]")


def test_a_spawned_kernels_outputs_have_the_same_bounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILOLAKE_KERNELS", "spawn")
    done = execute(folder, ["print('x' * 1_500_000)"])
    head, note, tail = done.outputs[0]
    assert (len(head["text"]), len(tail["text"])) == (bounds.MOST_TEXT, bounds.TAIL)
    assert "500,001 characters of stdout are left out" in note["text"]


def test_a_progress_bar_is_kept_as_it_is_seen(begin: Begin) -> None:
    """However long it was at it."""
    outputs = Outputs()
    begin().run(
        "for n in range(60_001): print(f'{n / 600:6.2f} %' + ' ' * 40, end='\\r', flush=True)", outputs, PATIENCE_S
    )
    (text,) = texts(outputs, "stdout")
    assert text.strip() == "100.00 %"


def test_output_that_is_cleared_makes_room() -> None:
    """What nobody sees any more is not counted."""
    outputs = Outputs()
    for _ in range(3):
        outputs.stream("stdout", "x" * 900_000)
        outputs.message("clear_output", {"wait": True})
    outputs.stream("stdout", "kept")
    outputs.finish()
    assert outputs.listed() == [{"output_type": "stream", "name": "stdout", "text": "kept"}]


@given(st.lists(st.text("ab\n\r", max_size=6)))
def test_a_text_is_the_same_in_one_piece_and_in_many(pieces: list[str]) -> None:
    """Read in between or not."""
    whole, cut = Outputs(), Outputs()
    whole.stream("stdout", "".join(pieces))
    for each in pieces:
        cut.stream("stdout", each)
        cut.listed()
    whole.finish()
    cut.finish()
    assert "".join(texts(cut, "stdout")) == "".join(texts(whole, "stdout")) == collapse("".join(pieces))


def test_a_kernel_that_talks_to_nobody_is_not_waited_for(begin: Begin) -> None:
    """One that has stopped its own process is interrupted and killed when its time is over."""
    ran = begin().run("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", Outputs(), 0.3)
    assert ran.timed_out
    assert said(begin(), "print('the next')") == "the next"
