"""Raw results of the OTB benchmark: which line belongs to which frame, and the paper's figures from its authors'."""

import json

import numpy as np
import pytest
import scipy.io

from tests.helpers.shared import SHARED, needs
from tracker import cli
from tracker.core.errors import DamagedFile
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.importing import import_results
from tracker.vot.tables.paper import OTB2013, OTB2015, measure_one_pass
from tracker.vot.workspace import load_workspace

AUTHORS = SHARED / "otb_dat_authors"
STACK = """\
title: One pass
experiments:
  unsupervised:
    type: unsupervised
    analyses:
    - type: tracker.vot.precision.OnePass
"""


def boxes(count, start=0):
    """A target that walks a pixel a frame; the box tells the image."""
    return [[start + frame + 1, 5, 20, 10] for frame in range(count)]


def write_workspace(folder, sequences):
    folder.mkdir(parents=True)
    (folder / "stack.yaml").write_text(STACK)
    (folder / "config.yaml").write_text("registry: [./trackers.ini]\nsequences: sequences\nstack: stack.yaml\n")
    (folder / "trackers.ini").write_text("")
    source = folder / "truth.json"
    source.write_text(json.dumps(sequences))
    write_dataset(source, folder / "sequences")
    return folder


def truth(first, count):
    names = [f"Walk/img/{number:04d}.jpg" for number in range(first, first + count)]
    return {"gt_rect": boxes(count, first), "img_names": names}


def write_result(file, rows, start, kind="rect"):
    file.parent.mkdir(exist_ok=True)
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"res": np.asarray(rows, float), "type": kind, "startFrame": start, "annoBegin": 1}
    scipy.io.savemat(file, {"results": cell})


def lines(workspace, name="raw"):
    return (workspace / "results" / name / "unsupervised" / "Walk" / "Walk_001.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("first", "start", "count"),
    [(1, 1, 20), (1, 1, 27), (300, 300, 20), (6, 1, 25)],
    ids=["whole", "images after the annotated", "David begins late", "Tiger1 is annotated late"],
)
def test_a_line_belongs_to_the_image_of_its_number(tmp_path, first, start, count):
    workspace = write_workspace(tmp_path / "W", {"Walk": truth(first, 20)})
    write_result(tmp_path / "raw" / "walk.mat", boxes(count, start), start)
    import_results(tmp_path / "raw", workspace, "raw", "unsupervised", otb=True)
    expected = [",".join(map(str, box)) for box in boxes(20, first)]
    assert lines(workspace) == ["1", *expected[1:]]
    assert measure_one_pass(load_workspace(workspace)).figures["raw"][0] == 0


def test_text_results_and_frames_without_a_box(tmp_path):
    workspace = write_workspace(tmp_path / "W", {"Walk": truth(1, 4)})
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "Walk_DAT.txt").write_text("1,2,3,4\n1\t2\t3\t4\nNaN NaN NaN NaN\n1, 2, 0, 4\n")
    import_results(tmp_path / "raw", workspace, "raw", "unsupervised", otb=True)
    assert lines(workspace) == ["1", "1,2,3,4", "0", "0"]


@pytest.mark.parametrize(
    ("rows", "start", "kind", "problem"),
    [
        (boxes(19), 1, "rect", "images 1 to 19, but 20 are annotated from 1 on"),
        (boxes(20), 2, "rect", "images 2 to 21, but 20 are annotated from 1 on"),
        (boxes(20), 1, "ivtAff", "boxes of type 'ivtAff'"),
        ([[1, 2, 3]] * 20, 1, "rect", "expected four numbers a frame"),
    ],
)
def test_results_that_do_not_fit_are_refused(tmp_path, rows, start, kind, problem):
    workspace = write_workspace(tmp_path / "W", {"Walk": truth(1, 20)})
    write_result(tmp_path / "raw" / "walk.mat", rows, start, kind)
    with pytest.raises(DamagedFile, match=problem):
        import_results(tmp_path / "raw", workspace, "raw", "unsupervised", otb=True)
    assert not (workspace / "results").exists()


@needs("otb_dat_authors")
@pytest.mark.parametrize(("folder", "table"), [("OTB50", OTB2013), ("OTB100", OTB2015)])
def test_the_authors_results_have_the_figures_of_their_paper(tmp_path, folder, table):
    known = json.loads((AUTHORS / "OTB2015.json").read_text())
    there = {file.stem.lower() for file in (AUTHORS / folder).glob("*.mat")}
    plain = {name: name.lower().replace("_", "-").replace("human4-2", "human4") for name in known}
    workspace = write_workspace(tmp_path / "W", {name: known[name] for name in known if plain[name] in there})
    assert cli.main(["import-results", str(AUTHORS / folder), "--otb", "--workspace", str(workspace)]) == 0
    figures = measure_one_pass(load_workspace(workspace)).figures[folder]
    assert figures == pytest.approx(table.reported["DAT"], abs=0.0011, rel=0.005)
