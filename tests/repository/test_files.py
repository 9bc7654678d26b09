"""What every file of the repository keeps to: no machine's paths, no secrets, no long modules, notebooks in shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from silolake.runner.lint import lint_workspace

from .tree import ROOT, tracked

_LONGEST = 500

# Put together from pieces, so that this file keeps to them too.
_REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "anaconda" + ".org", "proxy.golang" + ".org")
_NEVER = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.@}$-])/(?:home|Users)/(?!runner\b)\w+/|(?<![\w.}-])/(?:root|work)/"
    ),
    "the host of a package registry": re.compile("|".join(map(re.escape, _REGISTRIES))),
    # AWS's own example key ends in EXAMPLE; a key of one letter over and over opens nothing.
    "an access key": re.compile(
        r"\b(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE|[A-Z0-9]{0,2}(?P<same>[A-Z0-9])(?P=same){8})[A-Z0-9]{16}\b"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----"),
}


def texts() -> dict[Path, str]:
    """The files that are text."""
    found = {}
    for path in tracked():
        try:
            found[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("kind", _NEVER)
def test_what_no_file_holds(kind: str) -> None:
    """Line by line, in all that Git tracks."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if _NEVER[kind].search(line)
    ]
    assert found == []


def test_modules_are_short() -> None:
    """What does not fit in a head is split."""
    long = {
        str(path.relative_to(ROOT)): len(text.splitlines())
        for path, text in texts().items()
        if path.suffix == ".py" and len(text.splitlines()) > _LONGEST
    }
    assert long == {}


def test_nothing_is_left_for_later() -> None:
    """What is not done is refused by name, or is an issue; it is no note in a file."""
    note = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    found = [str(path.relative_to(ROOT)) for path, text in texts().items() if note.search(text)]
    assert found == []


def test_rooms_hold_no_python() -> None:
    """Apart from Glue scripts in a pipeline's jobs."""
    rooms = ("provisioning", "pipelines", "cross_silo_views", "notebooks")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in rooms and "jobs" not in path.parts
    ]
    assert found == []


def test_the_notebooks_are_in_shape() -> None:
    """Title and promise, literals, calls, the thing to look at, the check; outputs stripped."""
    assert [str(each) for each in lint_workspace(ROOT)] == []


def test_every_decision_is_in_the_list() -> None:
    """docs/decisions/README.md names each record, by its title."""
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert records
    for path in records:
        title = path.read_text().splitlines()[0].removeprefix("# ")
        assert f"[{title}]({path.name})" in listed


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of a Markdown file names a file that is there."""
    broken = []
    for path, text in texts().items():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []
