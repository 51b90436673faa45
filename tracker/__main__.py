"""``python -m tracker``: the TraX server that trackers.ini runs."""

import sys

from tracker.serving.server import main

sys.exit(main())
