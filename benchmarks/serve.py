"""``python -m tracker`` with other parameters than the preset's: those in BENCHMARK_OVERRIDES, as JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tracker import catalog, server
from tracker.result import Tracker


def main() -> int:
    """Serve one TraX client and end the process; see ``server.main``."""
    overrides = json.loads(os.environ["BENCHMARK_OVERRIDES"])
    create = catalog.create

    def create_changed(name: str, **parameters: Any) -> Tracker:
        return create(name, **(parameters | overrides))

    catalog.create = create_changed
    return server.main([])


if __name__ == "__main__":
    sys.exit(main())
