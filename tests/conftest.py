"""Profiles of hypothesis: ``--hypothesis-profile=mutants`` for mutation testing (benchmarks/mutants.py)."""

from hypothesis import Phase, settings

# The same examples in every run, and an end at the first that fails.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
