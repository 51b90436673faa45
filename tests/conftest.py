"""Profiles of hypothesis: the same examples in every run of ``make test``, new ones in ``make soak``."""

from hypothesis import Phase, settings

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")
# For benchmarks/mutants.py: an end at the first example that fails.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
