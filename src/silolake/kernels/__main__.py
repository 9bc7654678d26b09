"""What can be done with forked kernels from a shell: ``python -m silolake.kernels install``."""

from __future__ import annotations

import argparse
import json
import sys

from silolake.errors import SilolakeError
from silolake.kernels import forks, kernelspec


def main(words: list[str]) -> str:
    """Do what the words say; what there is to tell."""
    parser = argparse.ArgumentParser(prog="python -m silolake.kernels", description=__doc__)
    acts = parser.add_subparsers(dest="act", required=True)
    install = acts.add_parser("install", help="write the kernelspec silolake where Jupyter and nbval find it")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="in your own folder, not in this environment")
    where.add_argument("--prefix", default="", help="in another environment's folder")
    acts.add_parser("list", help="show your zygotes and their kernels, as JSON")
    acts.add_parser("stop", help="end your zygotes, and their kernels with them")
    said = parser.parse_args(words)
    match said.act:
        case "install":
            return f"written: {kernelspec.install(said.prefix, for_user=said.user)}"
        case "list":
            return json.dumps(list(forks.zygotes()), indent=1)
        case _:
            return f"ended: {forks.stop()}"


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except SilolakeError as error:
        sys.exit(str(error))
