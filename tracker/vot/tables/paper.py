"""The DAT paper's comparison beside what a workspace measured. A figure is reported, recomputed, measured or a dash.

Reported: Pu et al., NIPS 2018 (arXiv 1810.03851), Table 4 (VOT2016), Table 3 (CLE, OS at 0.5) and the legends of
Figure 4 (DP at 20 px, OS as area under the success curve). Its Ar and Rr are means over the 60 sequences of ranks
among exactly its seven trackers: ranks in another set of trackers cannot be compared with them.

Recomputed: by this package from the raw runs that the paper's authors published (``tests/vot/test_official.py`` and
``tests/vot/results/test_otb.py`` repeat it where those are at hand). Their ranks would need the raw runs of all seven
trackers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment, UnsupervisedExperiment
from vot.workspace import Workspace

from tracker.vot.precision import OnePass
from tracker.vot.tables.summary import summary
from tracker.vot.workspace import configured, first_experiment, resolve

Values = tuple[float | None, ...]


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper.

    Attributes:
        title: data set, and where in the paper.
        size: number of sequences in the data set, and of frames if that is known.
        digits: name of a figure -> digits that the paper prints.
        reported: tracker -> figures; the paper's own tracker is DAT.
        recomputed: tracker -> figures from the raw runs of the paper's authors.
    """

    title: str
    size: tuple[int, ...]
    digits: Mapping[str, int]
    reported: Mapping[str, Values]
    recomputed: Mapping[str, Values]


VOT2016 = PaperTable(
    "VOT2016 (Table 4)",
    (60, 21455),
    {"EAO": 3, "Ar": 2, "Rr": 2},
    {
        "DAT": (0.320, 1.47, 2.10),
        "CCOT": (0.331, 1.98, 1.95),
        "Staple": (0.295, 1.87, 3.23),
        "MDNet": (0.257, 1.72, 2.80),
        "EBT": (0.291, 3.62, 2.13),
        "DSRDCF": (0.276, 2.12, 2.82),
        "SiamFC": (0.277, 1.30, 3.17),
    },
    {"DAT": (0.3205, None, None)},
)
_OTB = {"CLE": 2, "DP": 3, "OS": 3, "OS 0.5": 3}
OTB2013 = PaperTable(
    "OTB-2013 (Table 3, Figure 4)",
    (50,),
    _OTB,
    {
        "DAT": (7.85, 0.944, 0.704, 0.913),
        "CCOT": (15.58, 0.908, 0.677, 0.837),
        "CREST": (10.22, 0.908, 0.673, 0.860),
        "MDNet": (13.05, 0.911, 0.671, 0.849),
        "MCPF": (11.19, 0.916, 0.677, 0.858),
        "ADNet": (13.79, 0.903, 0.659, 0.836),
        "BACF": (26.20, 0.861, 0.657, 0.840),
        "SINT": (11.85, 0.882, 0.655, 0.816),
        "SRDCFD": (29.51, 0.870, 0.653, 0.814),
        "ACFN": (18.69, None, None, 0.750),
    },
    {"DAT": (7.826, 0.9440, 0.7037, 0.9126)},
)
OTB2015 = PaperTable(
    "OTB-2015 (Table 3, Figure 4)",
    (100,),
    _OTB,
    {
        "DAT": (12.42, 0.895, 0.668, 0.848),
        "CCOT": (13.99, 0.903, 0.673, 0.823),
        "CREST": (21.19, 0.838, 0.623, 0.776),
        "MDNet": (16.87, 0.878, 0.646, 0.806),
        "MCPF": (20.86, 0.873, 0.628, 0.780),
        "ADNet": (14.65, 0.880, 0.646, 0.802),
        "BACF": (28.10, 0.824, 0.621, 0.776),
        "SINT": (25.75, None, 0.592, 0.719),
        "SRDCFD": (31.52, 0.825, 0.627, 0.766),
        "ACFN": (25.14, None, 0.569, 0.686),
    },
    {"DAT": (12.469, 0.8946, 0.6677, 0.8477)},
)


@dataclass(frozen=True)
class Measurement:
    """What a workspace measured in one experiment.

    Attributes:
        stack: its title.
        size: number of sequences and of frames.
        figures: tracker -> figures, in the order of a table's.
    """

    stack: str
    size: tuple[int, int]
    figures: Mapping[str, Values]


def measure_reset_based(workspace: Workspace, trackers: Sequence[str] = ()) -> Measurement | None:
    """EAO, Ar and Rr of a workspace; None if its stack has no reset-based experiment.

    Raises:
        DamagedFile, ValueError: see :func:`tracker.vot.tables.summary.summary`.
    """
    experiment = first_experiment(workspace, SupervisedExperiment)
    if experiment is None:
        return None
    rows = summary(workspace, trackers)
    figures = {row.tracker: (row.eao, row.accuracy_rank, row.robustness_rank) for row in rows}
    return _measurement(workspace, experiment, figures)


def measure_one_pass(workspace: Workspace, trackers: Sequence[str] = ()) -> Measurement | None:
    """CLE, DP, OS and OS at 0.5 of the trackers that have one-pass results; None without such an experiment.

    Raises:
        DamagedFile: a result or annotation file is missing or cannot be used; names file and line.
        ValueError: an unknown tracker.
    """
    experiment = first_experiment(workspace, UnsupervisedExperiment)
    if experiment is None:
        return None
    sequences = experiment.transform(workspace.dataset)
    analysis = configured(experiment, OnePass, skip_missing=True)
    present = analysis.taking_part(experiment, resolve(workspace, trackers)[1], sequences)
    rows = analysis.rows(experiment, present, sequences) if present else []
    figures = [(row.cle, row.dp, row.os_area, row.os_half) for row in rows]
    references = [tracker.reference for tracker in present]
    return _measurement(workspace, experiment, dict(zip(references, figures, strict=True)))


def _measurement(workspace: Workspace, experiment: MultiRunExperiment, figures: Mapping[str, Values]) -> Measurement:
    sequences = experiment.transform(workspace.dataset)
    return Measurement(workspace.stack.title, (len(sequences), sum(map(len, sequences))), figures)


def table(paper: PaperTable, figures: Mapping[str, Values], caption: str) -> Table:
    """One table: for each tracker a line a figure, with what was reported, recomputed and measured side by side."""
    result = Table(title=paper.title, caption=caption, caption_justify="left", title_justify="left")
    result.add_column("tracker")
    result.add_column("figure")
    for name in ("reported", "recomputed", "measured"):
        result.add_column(name, justify="right")
    names = {_key(name): name for name in paper.reported}
    measured = {names.get(_key(name), name): values for name, values in figures.items()}
    none: Values = (None,) * len(paper.digits)
    for tracker in {**paper.reported, **measured}:
        columns = (source.get(tracker, none) for source in (paper.reported, paper.recomputed, measured))
        head = tracker
        for (name, printed), values in zip(paper.digits.items(), zip(*columns, strict=True), strict=True):
            digits = (printed, printed + 1, printed)  # one more shows what the paper's authors rounded
            texts = ("-" if value is None else f"{value:.{n}f}" for value, n in zip(values, digits, strict=True))
            result.add_row(head, name, *texts)
            head = ""
        result.add_section()
    return result


def print_comparison(
    reset_based: Measurement | None = None, one_pass: Measurement | None = None, console: Console | None = None
) -> None:
    """Print the paper's tables, beside what was measured for them if there is anything."""
    console = console or Console()
    for paper, measured in ((VOT2016, reset_based), (OTB2013, one_pass), (OTB2015, one_pass)):
        figures = measured.figures if measured else {}
        caption = "recomputed: from the authors' raw runs; measured: "
        if measured and figures:
            caption += f"{measured.stack}, {_words(measured.size)}"
            if paper.size != measured.size[: len(paper.size)]:
                caption += f". Not comparable: the paper's data set has {_words(paper.size)}"
            if paper is VOT2016:
                caption += f". Ranks are among its {len(figures)} trackers, the paper's among its 7"
        else:
            caption += "nothing"
        console.print(table(paper, figures, caption))


def _words(size: Sequence[int]) -> str:
    return ", ".join(f"{count} {name}" for count, name in zip(size, ("sequences", "frames"), strict=False))


def _key(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
