"""The embedded data set: a seeded generator of short sequences with exact ground truth and per-frame tags."""
