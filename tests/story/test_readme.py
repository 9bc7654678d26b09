"""The README's ten minutes, typed as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.story.workspaces import environment, make_workspace

ROOT = Path(__file__).parents[2]
TYPED = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.mark.xdist_group("readme")
def test_what_the_readme_says_to_type_can_be_typed(tmp_path: Path) -> None:
    """Every block marked to be run, in its order, in one fresh workspace; each command ends well."""
    blocks = TYPED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    root = make_workspace(tmp_path)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for block in blocks:
        # Another local cloud may hold the usual port on the machine that runs this.
        typed = block.replace("silolake up ", "silolake up --port 0 ", 1)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", typed],
            cwd=root,
            env=environment({"PATH": path}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{typed}\n{done.stdout}\n{done.stderr}"
    assert not (root / ".silolake").exists()
