"""How much memory a block of code needs at its height (Linux)."""

import re
from contextlib import contextmanager
from pathlib import Path


def _status(name: str) -> int:
    """Bytes of one line of /proc/self/status."""
    return int(re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) << 10


@contextmanager
def at_most(growth: int):
    """Fail if the resident memory of this process grows by more than ``growth`` bytes inside the block."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts anew
    before = _status("VmRSS")
    yield
    grown = _status("VmHWM") - before
    assert grown <= growth, f"{grown >> 20} MiB, not at most {growth >> 20}"
