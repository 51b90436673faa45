"""``python -m tracker``: the TraX server that trackers.ini runs."""

import sys

from tracker.server import main

sys.exit(main())
