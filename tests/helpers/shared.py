"""Data of others that cannot be part of this project, and tests that need them."""

import pytest

from tracker.core.paths import PROJECT

SHARED = PROJECT.parent / "shared" / "data"
ABSENT = "../shared/data is absent"


def needs(folder: str) -> pytest.MarkDecorator:
    """Leave a test out where that folder of the data is absent; tests/conftest.py tells how many are left out."""
    return pytest.mark.skipif(not (SHARED / folder).is_dir(), reason=f"{ABSENT}: {folder}")
