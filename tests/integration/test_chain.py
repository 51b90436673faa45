"""`vot test`, `evaluate`, `analysis`, `report`, `pack` with the project's trackers.ini, judged by what they leave.

The exit codes of the toolkit say nothing: it logs an error and returns 0.
"""

import json
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from vot.region import RegionType
from vot.region.io import read_trajectory

from tests.helpers.workspaces import run
from tracker.core import boxes
from tracker.core.paths import PROJECT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(version("vot-toolkit") != "0.7.4", reason="newer toolkits break their reset-based experiment"),
]

STACK = """\
title: Chain
experiments:
  baseline:
    type: supervised
    repetitions: 5
    skip_initialize: 5
    analyses:
    - type: supervised_average_ar
      burnin: 3
    - type: supervised_eao_score
      low: 5
      high: 20
  unsupervised:
    type: unsupervised
    analyses:
    - type: average_accuracy
      burnin: 3
"""
LENGTH, JUMP = 24, 8


def write_sequence(folder, jump, length=LENGTH):
    """A target in a rotated rectangle; with ``jump`` it is elsewhere from frame ``JUMP`` on, out of NCC's reach."""
    (folder / "color").mkdir(parents=True)
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), np.uint8), (0, 0), 4)
    patch = cv2.GaussianBlur(rng.integers(0, 256, (48, 48, 3), np.uint8), (0, 0), 1.5)
    outline = cv2.boxPoints(((24, 24), (36, 24), 30))
    inside = cv2.fillConvexPoly(np.zeros((48, 48), np.uint8), np.round(outline).astype(np.int32), 255) > 0
    polygons = []
    for index in range(length):
        corner = np.array([30 + 3 * index, 40 + 2 * index]) + ([150, 90] if jump and index >= JUMP else [0, 0])
        image = scene.copy()
        x, y = corner
        image[y : y + 48, x : x + 48][inside] = patch[inside]
        cv2.imwrite(str(folder / "color" / f"{index + 1:08d}.jpg"), image)
        polygons.append((outline + corner).ravel())
    np.savetxt(folder / "groundtruth.txt", polygons, fmt="%.3f", delimiter=",")
    (folder / "sequence").write_text(f"channels.color=color/%08d.jpg\nfps=30\nformat=default\nname={folder.name}\n")


@dataclass
class Chain:
    """A workspace after all commands; its path has spaces and its registry is the project's trackers.ini."""

    tracker: str
    sequences: dict[str, int]
    folder: Path
    log: Path

    def run(self, *command):
        environment = {"RECIPROCATIVE_LOG": str(self.log)}
        done = run("vot", *command, "--workspace", self.folder, env=environment)
        said = done.stderr + done.stdout
        assert done.returncode == 0, said
        assert "Traceback" not in said, said

    def trajectory(self, experiment, sequence, repetition):
        file = self.folder / "results" / self.tracker / experiment / sequence / f"{sequence}_{repetition:03d}.bin"
        return read_trajectory(str(file))

    def values(self, experiment, sequence, repetition, name):
        folder = self.folder / "results" / self.tracker / experiment / sequence
        return (folder / f"{sequence}_{repetition:03d}_{name}.value").read_text().split("\n")[:-1]


@pytest.fixture(scope="module", params=["NCC", "DAT"])
def chain(request, tmp_path_factory):
    if request.param == "DAT":  # seconds per initialisation, and it would not lose the target
        pytest.importorskip("torch")
        sequences = {"steady": 10}
    else:
        sequences = {"steady": LENGTH, "jump": LENGTH}
    folder = tmp_path_factory.mktemp(request.param) / "a work space"
    for name, length in sequences.items():
        write_sequence(folder / "sequences" / name, name == "jump", length)
    (folder / "sequences" / "list.txt").write_text("".join(f"{name}\n" for name in sequences))
    (folder / "stack.yaml").write_text(STACK)
    config = {"registry": [str(PROJECT / "trackers.ini")], "sequences": "sequences", "stack": "stack.yaml"}
    (folder / "config.yaml").write_text(yaml.dump(config))
    made = Chain(request.param, sequences, folder, folder / "tracker.log")
    made.run("evaluate", made.tracker)
    made.run("analysis", made.tracker, "--name", "numbers")
    made.run("report", made.tracker, "--name", "page")
    made.run("pack", made.tracker)
    return made


def test_repetitions_are_identical_and_stop_early(chain):
    for sequence in chain.sequences:
        files = sorted((chain.folder / "results" / chain.tracker / "baseline" / sequence).glob("*.bin"))
        assert [file.name for file in files] == [f"{sequence}_{i:03d}.bin" for i in (1, 2, 3)]  # of 5
        assert len({file.read_bytes() for file in files}) == 1
        (one_pass,) = (chain.folder / "results" / chain.tracker / "unsupervised" / sequence).glob("*.bin")
        assert one_pass.name == f"{sequence}_001.bin"


def test_the_steady_target_is_followed(chain):
    length = chain.sequences["steady"]
    first, *others = chain.trajectory("baseline", "steady", 1)
    assert first.type == RegionType.SPECIAL
    assert first.code == 1
    assert len(others) == length - 1
    truth = np.loadtxt(chain.folder / "sequences" / "steady" / "groundtruth.txt", delimiter=",").reshape(-1, 4, 2)
    for region, polygon in zip(others, truth[1:], strict=True):
        assert region.type == RegionType.RECTANGLE
        assert boxes.overlap([region.x, region.y, region.width, region.height], boxes.from_polygon(polygon)) > 0.6
    assert len(chain.values("baseline", "steady", 1, "time")) == length
    confidence = chain.values("baseline", "steady", 1, "confidence")
    assert confidence[0] == ""
    assert all(float(value) > 0 for value in confidence[1:])
    assert len(confidence) == length
    assert chain.values("baseline", "steady", 1, "faults") == ["", *["0"] * (length - 1)]


def test_one_process_serves_every_initialisation_of_a_sequence(chain):
    log = chain.log.read_text()
    assert log.count(" ready: ") == log.count("client quit after") == 2 * len(chain.sequences)  # one an experiment
    assert log.count("object 1 at") == {"NCC": 3 + 6 + 2, "DAT": 3 + 1}[chain.tracker]


def test_the_report_names_the_tracker(chain):
    page = (chain.folder / "reports" / "page" / "report.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert chain.tracker in page


def test_the_package_holds_every_result(chain):
    (package,) = chain.folder.glob(f"{chain.tracker}_*.zip")
    results = chain.folder / "results" / chain.tracker
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        manifest = yaml.safe_load(archive.read("manifest.yml"))
        packed = {name: archive.read(name) for name in archive.namelist() if name != "manifest.yml"}
    assert manifest["identifier"] == chain.tracker
    assert manifest["configuration"]["env"]["RECIPROCATIVE_TRACKER"] == chain.tracker
    assert packed == {str(file.relative_to(results)): file.read_bytes() for file in results.rglob("*.*")}


def numbers(chain):
    results = json.loads((chain.folder / "analysis" / "numbers.json").read_text())["results"]
    return [results[experiment]["results"] for experiment in ("baseline", "unsupervised")]


def test_analysis(chain):
    (((accuracy, failures, *_),), ((eao,),)), (((one_pass,),),) = numbers(chain)
    truth = np.loadtxt(chain.folder / "sequences" / "steady" / "groundtruth.txt", delimiter=",").reshape(-1, 4, 2)
    regions = chain.trajectory("baseline", "steady", 1)[3:]
    overlaps = [polygon_overlap(region, polygon) for region, polygon in zip(regions, truth[3:], strict=True)]
    assert accuracy == pytest.approx(np.mean(overlaps), abs=0.02)
    assert failures == {"NCC": 0.5, "DAT": 0}[chain.tracker]  # NCC: one in two sequences
    for score in (eao, one_pass):  # they count the first frames, which burn-in leaves out
        assert 0 < score < accuracy + 0.05


def polygon_overlap(region, polygon):
    corners = boxes.corners([region.x, region.y, region.width, region.height])
    shared, _ = cv2.intersectConvexConvex(corners.astype(np.float32), polygon.astype(np.float32))
    return shared / (region.width * region.height + cv2.contourArea(polygon.astype(np.float32)) - shared)


@pytest.mark.parametrize("chain", ["NCC"], indirect=True)
def test_a_lost_target_is_a_failure_and_a_restart(chain):
    trajectory = chain.trajectory("baseline", "jump", 1)
    codes = [region.code if region.type == RegionType.SPECIAL else None for region in trajectory]
    assert codes == [1, *[None] * (JUMP - 1), 2, 0, 0, 0, 0, 1, *[None] * (LENGTH - JUMP - 6)]


def test_vot_test_follows_three_objects_from_any_folder(tmp_path):
    environment = {"VOT_REGISTRY": str(PROJECT / "trackers.ini"), "RECIPROCATIVE_LOG": str(tmp_path / "log")}
    done = run("vot", "test", "NCC", env=environment, cwd=tmp_path)
    output = done.stdout + done.stderr
    assert "Test concluded successfuly" in output, output
    assert sum(line.startswith("@@TRAX:state") for line in output.splitlines()) == 3 * 50  # the toolkit echoes them


def test_the_toolkit_shows_why_a_tracker_does_not_start(tmp_path):
    environment = {"VOT_REGISTRY": str(PROJECT / "trackers.ini"), "RECIPROCATIVE_LOG": str(tmp_path / "no" / "log")}
    done = run("vot", "test", "NCC", env=environment, cwd=tmp_path)
    assert "set RECIPROCATIVE_LOG to a path that can be" in done.stdout + done.stderr
