"""Profiles of hypothesis, the same examples in every run of ``make test``, new ones in ``make soak``; loud skips."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.helpers.shared import ABSENT

collect_ignore = ["helpers"]  # scripts among them, and no doctests

# Nothing asserts on time: a loaded machine takes as long as it takes.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")
# For benchmarks/mutants.py: an end at the first example that fails.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Say as the last line which evidence was not looked at."""
    yield
    absent = [report for report in terminalreporter.stats.get("skipped", []) if ABSENT in str(report.longrepr)]
    if absent:
        count = f"{len(absent)} test{'s' * (len(absent) > 1)} skipped"
        terminalreporter.write_line(f"{count}: {ABSENT}: the published tables were not checked", yellow=True, bold=True)
