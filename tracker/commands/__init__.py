"""The sub-commands of ``reciprocative``: one module each, with ``add_arguments(parser)`` and ``run(args) -> int``.

``run`` returns the exit code, 0 unless its docstring says more, and raises what ``tracker.core.errors`` has.
"""
