"""How well the trackers track (``python -m benchmarks.quality``) and what it costs (``python -m benchmarks.speed``)."""
