"""``python -m silolake``."""

from silolake.cli import main

main()
