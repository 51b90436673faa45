"""Result files that appear whole or not at all.

The toolkit opens a result file and writes into it, the trajectory before its properties: whoever is killed, or fills
the disk, leaves a file that exists and is taken for finished. Here every file is written under another name, flushed
and renamed, and a trajectory is renamed after its properties, so that its existence means that the run is complete.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vot.dataset import Sequence
from vot.experiment import Experiment
from vot.tracker import Tracker
from vot.tracker.results import Results
from vot.workspace.storage import LocalStorage

from tracker.core.files import PART, whole_file
from tracker.vot.results.raw import SUFFIXES


class ResultFolder(LocalStorage):
    """The folder of one tracker, experiment and sequence.

    A trajectory is held back until somebody looks into the folder, as experiments do before their next repetition, or
    until :meth:`commit`: by then all its properties have been written.

    Args:
        root: the folder.
        guard: called before a file appears; an exception keeps it from appearing.
    """

    def __init__(self, root: str, guard: Callable[[], None] = lambda: None) -> None:
        super().__init__(root)
        self._guard = guard
        self._held: list[tuple[Path, Path]] = []

    @contextmanager
    def write(self, name: str, binary: bool = False) -> Iterator[io.BytesIO | io.StringIO]:
        """A buffer that becomes the file ``name`` when its ``with`` block ends without an exception."""
        buffer = io.BytesIO() if binary else io.StringIO(newline="")
        yield buffer
        data = buffer.getvalue()
        self._guard()
        path = Path(self.base, name)
        held = path.suffix in SUFFIXES
        with whole_file(path, publish=not held) as file:
            file.write(data.encode() if isinstance(data, str) else data)
        if held:
            self._held.append((Path(file.name), path))

    def commit(self) -> None:
        """Let the trajectories that were held back appear."""
        while self._held:
            self._guard()
            part, path = self._held.pop(0)
            os.replace(part, path)

    def discard(self) -> None:
        """Forget the trajectories that were held back: an error came before their properties were written."""
        while self._held:
            self._held.pop(0)[0].unlink(missing_ok=True)

    def isdocument(self, name: str) -> bool:
        """Whether the file exists."""
        self.commit()
        return super().isdocument(name)

    def documents(self) -> list[str]:
        """Names of the files; none if the folder does not exist."""
        self.commit()
        return [name for name in super().documents() if not name.endswith(PART)] if os.path.isdir(self.base) else []


class TaskStorage(LocalStorage):
    """A workspace's storage for an experiment that is run on one sequence, whose results go to ``folder``."""

    def __init__(self, root: str, folder: ResultFolder) -> None:
        super().__init__(root)
        self._folder = folder

    def results(self, tracker: Tracker, experiment: Experiment, sequence: Sequence) -> Results:
        """The results of the tracker on the sequence."""
        return Results(self._folder)
