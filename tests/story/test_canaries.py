"""Secrets that a notebook shows in every way it can: none is in anything that is kept or told of its run.

Each is a canary: a value that stands nowhere else, so that finding it anywhere is a leak.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from .small_lakes import SmallLake, make_small
from .workspaces import commit, environment, silolake

pytestmark = pytest.mark.xdist_group("canaries")

KEY_ID = "AKIA" + "CANARYCANARYQWER"
SECRET_KEY = "cAnary7" + "wJalrXUtnFEMIK7MDENGbPxRfiCYE" + "aBcD"
ENVIRONMENT = "canary-of-the-environment-5f3a"
VALIDATE = "notebooks/pipelines/validate_drop.ipynb"
PEM_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwCanaryAgEAAoIBAQC7VJTUt9Us8cK"
LABEL = "PRIVATE KEY"
PEM = f"-----BEGIN {LABEL}-----\n{PEM_LINE}\n{PEM_LINE[::-1]}\n-----END {LABEL}-----"

SETTING = """\
import json, os, sys, time
from pathlib import Path
import boto3
from IPython.display import HTML, SVG, display
held = boto3.Session().get_credentials().get_frozen_credentials()
told = {
    "run token": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
    "vended secret": held.secret_key, "vended token": held.token, "vended key id": held.access_key,
    "owner": Path(".silolake/owner.token").read_text().strip(),
}
me = boto3.client("sts").get_caller_identity()["Account"]
role = f"arn:aws:iam::{me}:role/lake/run/runner"
assumed = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="canary")["Credentials"]
told |= {"assumed secret": assumed["SecretAccessKey"], "assumed token": assumed["SessionToken"]}
address = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
signature = address.partition("Signature=")[2].partition("&")[0]
Path("@OUT@").write_text(json.dumps({**told, "signature": signature}))"""
SHOWING = (
    'print(told); print(json.dumps(told, indent=1)); print(*told.values(), sep="\\n", file=sys.stderr)',
    "print(dict(os.environ)); print(assumed); print(address); told",
    'key_id, secret_key, of_the_environment = "@KEY_ID@", "@SECRET_KEY@", "@ENVIRONMENT@"\n'
    "print(key_id, secret_key, of_the_environment)",
    'pem = """@PEM@"""\nprint(pem); print(json.dumps(pem)); pem',
    'display(HTML("<b>" + "</b><b>".join([*told.values(), secret_key, pem]) + "</b>"), metadata={"note": told})',
    'display({"application/json": {"of": told, key_id: [secret_key]}, "text/plain": key_id}, raw=True)',
    "import matplotlib\nmatplotlib.use('svg')\nimport io\nimport matplotlib.pyplot as plt\n"
    "plt.figure(); plt.title(told['run token']); plt.xlabel(key_id)\n"
    "drawn = io.StringIO(); plt.savefig(drawn, format='svg'); display(SVG(drawn.getvalue())); plt.close()",
    "time.sleep(@PAUSE@)",
)
FAILING = "def deep(secret):\n    raise ValueError(f'{secret} and {told} and {pem}')\ndeep(\"@SECRET_KEY@\")"


def notebook(cells: tuple[str, ...], out: Path, pause_s: float) -> str:
    """A run notebook of these cells, its canaries filled in."""
    filled = {"OUT": str(out), "KEY_ID": KEY_ID, "SECRET_KEY": SECRET_KEY, "ENVIRONMENT": ENVIRONMENT, "PEM": PEM}
    filled["PAUSE"] = str(pause_s)
    sources = [re.sub(r"@(\w+)@", lambda found: filled[found[1]], cell) for cell in cells]
    code = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": each, "execution_count": None, "outputs": []}
        for n, each in enumerate(sources)
    ]
    head = {"cell_type": "markdown", "id": "head", "metadata": {}, "source": f"# Canaries\n{KEY_ID}"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "silolake": {"target": "platform", "html": True}, "own": {"note": SECRET_KEY}}
    return json.dumps({"cells": [head, *code], "metadata": about, "nbformat": 4, "nbformat_minor": 5})


@dataclass(frozen=True)
class Shown:
    """What is kept and told of two runs that have shown every secret they could.

    Attributes:
        canaries: by what they are.
        artifacts: by where they were found.
        saved: what lay on the disk while a run was under way, oldest first.
    """

    canaries: Mapping[str, str]
    artifacts: Mapping[str, str]
    saved: tuple[str, ...]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """One run that completes and one that fails, on a lake that was only bootstrapped; and a push that is refused."""
    folder = tmp_path_factory.mktemp("canaries")
    lake, out = make_small(folder), folder / "told.json"
    own = lake.root / "notebooks" / "own"
    own.mkdir()
    (own / "completing.ipynb").write_text(notebook((SETTING, *SHOWING), out, 2.6))
    (own / "failing.ipynb").write_text(notebook((SETTING, *SHOWING, FAILING), folder / "again.json", 0))
    commit(lake.root, "Notebooks that show too much")
    silolake(lake.root, "up", "--service", "--port", "0", env={"SILOLAKE_WATCH_EVERY_S": "600"})
    try:
        lake.silolake("bootstrap")
        said, saved = run_watched(lake, "own/completing")
        assert said["status"] == "completed", said
        failed, _ = run_watched(lake, "own/failing")
        assert failed["status"] == "failed", failed
        artifacts = {"silolake run": json.dumps(said), "silolake run that failed": json.dumps(failed)}
        artifacts |= told_by_commands(lake, folder, said["run"], failed["run"])
        artifacts["push"] = refused_push(lake)
        artifacts |= dict(kept_in_buckets(lake))
        for path in (*lake.data.glob("*.log"), *lake.data.glob("decisions.sqlite*")):
            artifacts[path.name] = path.read_bytes().decode("latin-1")
        canaries = {"key id": KEY_ID, "secret key": SECRET_KEY, "environment": ENVIRONMENT, "pem": PEM_LINE}
        for told in (out, folder / "again.json"):
            canaries |= {f"{name} of {told.stem}": value for name, value in json.loads(told.read_text()).items()}
        yield Shown(canaries, artifacts, saved)
    finally:
        lake.down()


def run_watched(lake: SmallLake, name: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """A run's record as the command tells it, and each notebook that lay on the disk meanwhile."""
    started = subprocess.Popen(
        [sys.executable, "-m", "silolake", "run", name, "--json"],
        cwd=lake.root,
        env=environment({"LAKE_DB_PASSWORD": ENVIRONMENT}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    saved: dict[str, None] = {}
    while started.poll() is None:
        for path in (lake.data / "runs").glob("*/*/notebook.*"):
            try:
                saved[path.read_text()] = None
            except OSError:
                continue
        time.sleep(0.02)
    answer, errors = started.communicate()
    assert answer, errors
    return json.loads(answer), tuple(saved)


def told_by_commands(lake: SmallLake, folder: Path, *runs: str) -> Iterator[tuple[str, str]]:
    """What ``silolake runs …`` and ``silolake why`` tell of the runs."""
    for words in (("runs", "list"), ("runs", "list", "--json"), ("runs", "page", "--out", str(folder / "page.html"))):
        done = lake.silolake(*words)
        yield " ".join(words), done.stdout + done.stderr
    yield "the page of all runs", (folder / "page.html").read_text()
    for run in runs:
        for words in (("show", run), ("show", run, "--json"), ("logs", run)):
            done = lake.silolake("runs", *words)
            yield f"runs {' '.join(words)}", done.stdout + done.stderr
        lake.silolake("runs", "open", run, "--out", str(folder / f"{run}.html"))
        yield f"the page of {run}", (folder / f"{run}.html").read_text()


def refused_push(lake: SmallLake) -> str:
    """What is told of a commit whose pipeline gives a secret to a notebook."""
    file = lake.root / "pipelines" / "flights" / "pipeline.yaml"
    said = file.read_text()
    step = f"steps:\n  - {{name: v, notebook: {VALIDATE}, parameters: {{pipeline: {KEY_ID}}}}}"
    changed = re.sub(r"^notebook: .*$", step, said, flags=re.MULTILINE)
    assert changed != said
    file.write_text(changed)
    commit(lake.root, "A secret as a parameter")
    pushed = subprocess.run(
        ["git", "push", str(lake.data / "lake.git"), "main"],
        cwd=lake.root, env=environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert pushed.returncode, pushed.stdout + pushed.stderr
    assert "the parameter 'pipeline' holds what looks like a secret" in pushed.stderr
    return pushed.stdout + pushed.stderr


def kept_in_buckets(lake: SmallLake) -> Iterator[tuple[str, str]]:
    """Every object of the platform's buckets: journal, records, executed notebooks, pages."""
    platform = lake.as_("platform", "runner")
    for zone in ("state", "records"):
        bucket = lake.bucket("platform", zone)
        for each in platform.pages("s3", "list_objects_v2", "Contents", Bucket=bucket):
            body = platform.call("s3", "get_object", Bucket=bucket, Key=each["Key"])["Body"].read()
            yield f"{zone}: {each['Key']}", f"{each['Key']}\n{body.decode()}"


def written(secret: str) -> set[str]:
    """The ways in which a secret may stand in a text."""
    return {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1]}


def leaks(canaries: Mapping[str, str], text: str) -> list[str]:
    """What is found in a text; the colours of a traceback hide nothing."""
    plain = re.sub(r"(?:\x1b|\\u001b)\[[0-9;]*m", "", text)
    return [name for name, secret in canaries.items() if any(each in plain for each in written(secret))]


def test_nothing_that_is_kept_or_told_of_a_run_holds_a_secret(shown: Shown) -> None:
    """Executed notebooks, pages, run.json, the journal, both logs, the decisions, and what the commands print."""
    found = {where: leaks(shown.canaries, text) for where, text in shown.artifacts.items()}
    assert not {where: names for where, names in found.items() if names}


def test_what_was_looked_through_is_all_there_is(shown: Shown) -> None:
    """Or the test above would find nothing because it looked at nothing."""
    assert len(shown.canaries) == 4 + 2 * 8
    endings = ("notebook.ipynb", "notebook.html", "run.json", ".log", "decisions.sqlite")
    assert all(any(where.endswith(ending) for where in shown.artifacts) for ending in endings)
    assert any(where.startswith("state: state/runs/") for where in shown.artifacts)
    executed = [text for where, text in shown.artifacts.items() if where.endswith(".ipynb")]
    assert all(shown.canaries.values())
    assert len(executed) == 2
    for text in executed:
        outputs = [out for cell in json.loads(text.partition("\n")[2])["cells"] for out in cell.get("outputs", ())]
        assert {"stream", "display_data", "execute_result"} <= {each["output_type"] for each in outputs}
        assert text.count("«redacted»") > 40
        assert "<svg" in text
    assert any('"output_type": "error"' in text for text in executed)


def test_a_notebook_under_way_is_saved_without_secrets(shown: Shown) -> None:
    """A run that is killed leaves the last of these on the disk."""
    assert any("«redacted»" in text and '"output_type": "stream"' in text for text in shown.saved)
    assert not [names for names in (leaks(shown.canaries, text) for text in shown.saved) if names]
