"""``python -m tracker.sequences OUT [--seed N]``: the same as ``reciprocative sequences``."""

import sys

from tracker.cli import main

if __name__ == "__main__":
    sys.exit(main(["sequences", *sys.argv[1:]]))
