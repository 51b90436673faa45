"""Overlaps: the toolkit's to the last digit, measured once, kept by content."""

import os
import shutil
import time

import numpy as np
import pytest
from cachetools import LRUCache
from vot.analysis import supervised
from vot.analysis.supervised import EAOCurve
from vot.region import Mask, Polygon, Rectangle, Special, calculate_overlap

from tests.helpers.small import run_lines, write_run, write_workspace
from tracker.core.errors import DamagedFile
from tracker.vot import present
from tracker.vot.results import runs
from tracker.vot.results.overlap import Shapes, overlaps
from tracker.vot.workspace import load_workspace

SIZE = (64, 48)


def random_region(rng):
    x, y = rng.uniform(-12, 20, 2)
    kind = rng.integers(12)
    if kind == 0:
        return Special(int(rng.integers(3)))
    if kind < 4:
        mask = (rng.random((12, 15)) < 0.6).astype(np.uint8)
        return Mask(mask, (int(x), int(y)))
    if kind < 8:
        corners = rng.normal((x + 10, y + 10), rng.choice([0.3, 9, 15]), (int(rng.integers(3, 7)), 2))
        return Polygon([tuple(corner) for corner in corners.tolist()])
    return Rectangle(float(x), float(y), *rng.choice([0, 0.4, 8, 30, 60], 2).tolist())


def test_overlaps_are_the_toolkits():
    rng = np.random.default_rng(0)
    first, second = ([random_region(rng) for _ in range(2000)] for _ in range(2))
    expected = [
        np.nan if Special in (type(one), type(other)) else calculate_overlap(one, other, SIZE)
        for one, other in zip(first, second, strict=True)
    ]
    assert 0.1 < np.mean(np.nan_to_num(expected) > 0) < 0.9
    np.testing.assert_array_equal(overlaps(Shapes.of(first), Shapes.of(second), SIZE), expected)


@pytest.fixture
def measured(monkeypatch):
    """A small workspace, and the files that were measured, in order."""
    files, measure = [], runs.measure
    monkeypatch.setattr(runs, "measure", lambda data, file, truth: files.append(file) or measure(data, file, truth))
    monkeypatch.setattr(runs, "_memory", LRUCache(runs.ENTRIES))
    return files


def load(folder, *trackers):
    workspace = load_workspace(folder)
    experiment = workspace.stack["baseline"]
    found = runs.load(experiment, workspace.registry.resolve(*trackers), experiment.transform(workspace.dataset))
    return [[[run.overlaps for run in repeated] for repeated in by_sequence] for by_sequence in found]


def test_a_new_tracker_costs_its_own_runs_only(tmp_path, measured):
    folder = write_workspace(tmp_path / "workspace")
    load(folder, "Near", "Far")
    assert len(measured) == 4
    load(folder, "Near", "Far", "Wide")
    assert len(measured) == 4 + 6
    assert all("/Wide/" in file for file in measured[4:])


def test_another_process_finds_what_was_measured(tmp_path, measured, monkeypatch):
    folder = write_workspace(tmp_path / "workspace")
    first = load(folder, "Wide")
    monkeypatch.setattr(runs, "_memory", LRUCache(runs.ENTRIES))
    np.testing.assert_equal(load(folder, "Wide"), first)
    assert len(measured) == 6


def test_a_process_reads_each_settled_file_once(tmp_path, monkeypatch):
    folder = write_workspace(tmp_path / "workspace")
    for file in folder.glob("results/*/baseline/*/*.txt"):
        os.utime(file, (time.time() - 3600,) * 2)
    read, raw_runs = [], runs.raw_runs
    monkeypatch.setattr(runs, "raw_runs", lambda *result: read.append(result) or raw_runs(*result))
    first = load(folder, "Near", "Far")
    workspace = load_workspace(folder)
    experiment = workspace.stack["baseline"]
    sequences, trackers = experiment.transform(workspace.dataset), workspace.registry.resolve("Near", "Far", "Wide")
    for _ in range(3):
        again = runs.load(experiment, trackers, sequences)
        assert len(read) == 4 + 6
    np.testing.assert_equal([[[run.overlaps for run in one] for one in sequence] for sequence in again[:2]], first)


@pytest.fixture
def summed(monkeypatch):
    """How many curves vot-toolkit has summed."""
    calls, compute = [], supervised.compute_eao_curve
    monkeypatch.setattr(supervised, "compute_eao_curve", lambda *parts: calls.append(1) or compute(*parts))
    return calls


def test_a_curve_is_summed_once_and_anew_when_the_runs_have_changed(tmp_path, summed):
    folder = write_workspace(tmp_path / "workspace")
    first = curves(folder, "Near", "Far")
    assert len(summed) == 2
    np.testing.assert_equal(curves(folder, "Near", "Far", "Wide")[:2], first)
    assert len(summed) == 3
    write_run(folder / "results" / "Near" / "baseline", "first", run_lines(40, shift=5))
    near, far = curves(folder, "Near", "Far")
    assert len(summed) == 4
    assert near[30] < first[0][30]
    np.testing.assert_array_equal(far, first[1])


def curves(folder, *trackers):
    """The toolkit's EAO curves, as another process would ask for them."""
    present._curve.cache_clear()
    workspace = load_workspace(folder)
    experiment = workspace.stack["baseline"]
    sequences, found = experiment.transform(workspace.dataset), workspace.registry.resolve(*trackers)
    return [curve for (curve,) in present.rows_of(EAOCurve())(experiment, found, sequences)]


def test_the_content_counts_not_the_name(tmp_path, measured):
    folder = write_workspace(tmp_path / "workspace")
    shutil.rmtree(folder / "results" / "Far")
    shutil.copytree(folder / "results" / "Near", folder / "results" / "Far")
    near, far = load(folder, "Near", "Far")
    np.testing.assert_equal(near, far)
    assert 2 <= len(measured) <= 4  # two threads may meet the same content at once


@pytest.mark.parametrize("age", [0, 3600], ids=["young", "settled"])
def test_a_file_that_was_written_anew_is_measured_anew(tmp_path, age):
    folder = write_workspace(tmp_path / "workspace")
    for file in folder.glob("results/Near/baseline/*/*.txt"):
        os.utime(file, (time.time() - age,) * 2)
    before = load(folder, "Near")
    write_run(folder / "results" / "Near" / "baseline", "first", run_lines(40, shift=5))
    after = load(folder, "Near")
    assert np.nanmean(after[0][0][0]) < np.nanmean(before[0][0][0])
    np.testing.assert_equal(after[0][1], before[0][1])


def test_what_was_kept_and_cannot_be_read_is_measured_anew(tmp_path, measured, monkeypatch):
    folder = write_workspace(tmp_path / "workspace")
    first = load(folder, "Near")
    for number, file in enumerate(folder.glob("cache/overlaps/*/*")):
        file.write_bytes(b"" if number else file.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(runs, "_memory", LRUCache(runs.ENTRIES))
    np.testing.assert_equal(load(folder, "Near"), first)
    assert len(measured) == 4


def test_a_damaged_file_ends_the_measuring_and_is_named(tmp_path):
    folder = write_workspace(tmp_path / "workspace")
    write_run(folder / "results" / "Wide" / "baseline", "second", [*run_lines(30)[:-1], "9,9,9,nan"], 2)
    with pytest.raises(DamagedFile, match=r"results/Wide/baseline/second/second_002\.txt, line 30"):
        load(folder, "Near", "Far", "Wide")
