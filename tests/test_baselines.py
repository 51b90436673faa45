"""The trackers to be ranked against, and the catalog that makes them by name."""

import configparser

import cv2
import numpy as np
import pytest

from tests.helpers.shared import SHARED, needs
from tracker import baselines, catalog
from tracker.core import boxes
from tracker.core.paths import PROJECT
from tracker.weights import registry
from tracker.weights.registry import WeightsError

INI = PROJECT / "trackers.ini"


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    background = cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3), np.uint8), (0, 0), 3)
    target = cv2.GaussianBlur(rng.integers(0, 256, (24, 30, 3), np.uint8), (0, 0), 1)

    def frame(x, y):
        """The target, 30 x 24 pixels, with its top left corner at (x, y), cut at the edge of the image."""
        image = cv2.copyMakeBorder(background, 200, 200, 200, 200, cv2.BORDER_REFLECT)
        image[200 + y : 224 + y, 200 + x : 230 + x] = target
        return np.ascontiguousarray(image[200:-200, 200:-200])

    return frame


def test_ncc_follows_a_moving_target(scene):
    tracker = catalog.create("NCC")
    path = [(60 + 3 * i, 40 + 2 * i) for i in range(8)]
    first = tracker.init(scene(*path[0]), np.array([*path[0], 30.0, 24.0]))
    assert first.box.tolist() == [*path[0], 30, 24]
    assert not first.lost
    for x, y in path[1:]:
        result = tracker.update(scene(x, y))
        assert boxes.overlap(result.box, [x, y, 30, 24]) > 0.999
        assert not result.lost
        assert result.score > 0


def test_opencv_trackers_are_given_whole_pixels_and_bgr(scene, monkeypatch):
    """Not what MIL makes of it: its results are random, and poor on a scene like this."""
    given = []

    class Fake:
        create = classmethod(lambda cls: cls())

        def init(self, image, pixels):
            given.append((image, pixels))

        def update(self, image):
            given.append((image, None))
            return len(given) < 3, (64, 43, 30, 24)

    monkeypatch.setattr(cv2, "TrackerMIL", Fake)
    tracker = catalog.create("MIL")
    image = scene(60, 40)
    first = tracker.init(image, np.array([60.25, 40.5, 30.0, 23.75]))
    found, lost = tracker.update(image), tracker.update(image)
    assert given[0][1] == (60, 40, 30, 24)
    assert all((seen == image[..., ::-1]).all() for seen, _ in given)
    assert first.box.tolist() == [60.25, 40.5, 30, 23.75]
    assert found.box.tolist() == [64.25, 43.5, 30, 23.75]
    assert (found.score, found.lost) == (1, False)
    assert lost.box.tolist() == found.box.tolist()
    assert (lost.score, lost.lost) == (-1, True)


def test_ncc_starts_on_anything_inside_the_image(scene):
    for box in ([80.4, 60.4, 0.3, 0.3], [0, 0, 160, 120], [159.7, 119.7, 5, 5]):
        tracker = baselines.NCC()
        tracker.init(scene(60, 40), np.array(box, np.float64))
        assert np.isfinite(tracker.update(scene(62, 41)).box).all()


def test_ncc_keeps_fractions_size_and_reports_the_correlation(scene):
    tracker = baselines.NCC()
    tracker.init(scene(60, 40), np.array([60.25, 40.5, 29.5, 23.25]))
    result = tracker.update(scene(65, 37))
    assert result.box.tolist() == [65.25, 37.5, 29.5, 23.25]
    assert result.score == pytest.approx(1, abs=1e-4)
    assert baselines.NCC().init(scene(60, 40), np.array([60.0, 40, 30, 24])).box.dtype == np.float64


def test_ncc_looks_three_boxes_far_and_no_further(scene):
    near, far = baselines.NCC(), baselines.NCC()
    near.init(scene(60, 40), np.array([60.0, 40, 30, 24]))
    assert near.update(scene(89, 63)).box[:2].tolist() == [89, 63]  # one box away in each direction
    far.init(scene(40, 40), np.array([40.0, 40, 30, 24]))
    assert far.update(scene(75, 40)).box[0] < 71


def test_ncc_returns_independent_boxes(scene):
    tracker = baselines.NCC()
    first = tracker.init(scene(60, 40), np.array([60.0, 40, 30, 24]))
    tracker.update(scene(65, 40))
    assert first.box[0] == 60


@pytest.mark.parametrize("name", ["NCC", "MIL"])
@pytest.mark.parametrize("step", [(9, 0), (-9, 0), (0, 7), (0, -7), (9, 7)])
def test_a_target_that_leaves_the_image_never_raises(scene, name, step):
    tracker = catalog.create(name)
    x, y = 65, 48
    tracker.init(scene(x, y), np.array([x, y, 30.0, 24.0]))
    for _ in range(18):
        x, y = x + step[0], y + step[1]
        result = tracker.update(scene(x, y))
        assert np.isfinite(result.box).all()
        assert (result.box[2:] == [30, 24]).all()


@pytest.mark.parametrize("name", ["NCC", "MIL"])
@pytest.mark.parametrize("box", [(-10, -10, 30, 24), (150, 110, 30, 24), (0, 0, 150, 100), (80.4, 60.4, 9.3, 9.3)])
def test_boxes_at_the_limits(scene, name, box):
    tracker = catalog.create(name)
    tracker.init(scene(60, 40), np.array(box, np.float64))
    for _ in range(3):
        assert np.isfinite(tracker.update(scene(62, 41)).box).all()


@pytest.mark.parametrize(
    ("box", "message"),
    [
        pytest.param((80, 60, 3, 4), "3 x 4 pixels inside the image is too small for MIL", id="would-never-return"),
        pytest.param((0, 0, 160, 120), "MIL cannot start on box", id="the-whole-image"),
    ],
)
def test_boxes_that_mil_cannot_start_on(scene, box, message):
    with pytest.raises(ValueError, match=message):
        catalog.create("MIL").init(scene(60, 40), np.array(box, np.float64))


@pytest.mark.parametrize("size", [(1, 160), (24, 160), (120, 30), (8, 8), (60, 80)])
def test_mil_repeats_its_box_in_an_image_that_it_does_not_fit_into(scene, size):
    """OpenCV fails there with std::bad_alloc."""
    tracker = catalog.create("MIL")
    tracker.init(scene(60, 40), np.array([60.0, 40, 30, 24]))
    result = tracker.update(scene(60, 40)[: size[0], : size[1]].copy())
    assert result.lost
    assert result.box.tolist() == [60, 40, 30, 24]
    assert not tracker.update(scene(62, 41)).lost


@pytest.mark.parametrize("name", ["NCC", "MIL"])
@pytest.mark.parametrize("box", [(10, 10, 0, 5), (200, 10, 5, 5), (np.nan, 0, 5, 5)])
def test_bad_boxes_are_refused(scene, name, box):
    with pytest.raises(ValueError, match=r"^box "):
        catalog.create(name).init(scene(60, 40), np.array(box, np.float64))


def test_ncc_stays_where_nothing_can_be_matched():
    tracker = baselines.NCC()
    flat = np.full((50, 60, 3), 90, np.uint8)
    tracker.init(flat, np.array([20.0, 20, 10, 10]))
    result = tracker.update(flat)
    assert result.lost
    assert result.box.tolist() == [20, 20, 10, 10]
    rng = np.random.default_rng(1)
    tracker.init(rng.integers(0, 256, (50, 60, 3), np.uint8), np.array([20.0, 20, 10, 10]))
    result = tracker.update(flat)  # no contrast in the search region
    assert result.lost
    assert result.score <= 0


def test_a_build_without_mil_says_so(monkeypatch):
    monkeypatch.delattr(cv2, "TrackerMIL")
    with pytest.raises(ImportError, match="without its MIL tracker; install opencv-python"):
        catalog.create("MIL")


def test_the_catalog_names_what_it_knows():
    with pytest.raises(ValueError, match="unknown tracker 'CSR'; choose one of DAT, DAT-paper, DAT-crops, MDNet, NCC"):
        catalog.create("CSR")
    with pytest.raises(ValueError, match="tracker NCC has no parameter lambda_, seed; it takes threads"):
        catalog.create("NCC", seed=1, lambda_=2)
    with pytest.raises(ValueError, match=r"tracker DAT has no parameter lambda_; it takes .*seed"):
        catalog.create("DAT", lambda_=2)


@pytest.mark.parametrize("name", ["NCC", "MIL"])
@pytest.mark.parametrize("threads", [0, -1])
def test_threads_below_one_are_refused(name, threads):
    with pytest.raises(ValueError, match=f"threads is {threads}; it must be above 0"):
        catalog.create(name, threads=threads)


def test_threads_are_set():
    before = cv2.getNumThreads()
    try:
        catalog.create("NCC", threads=1)
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_trackers_ini_has_no_traps():
    text = INI.read_text()
    assert "%" not in text  # breaks the whole registry
    for line in text.splitlines():
        assert not ("=" in line and not line.startswith("#") and ("#" in line or ";" in line)), line  # would be a value
    sections = configparser.ConfigParser()
    sections.read_string(text)
    assert {"DAT", "DAT-paper", "MDNet", "NCC", "MIL"} <= set(sections)
    for name in sections.sections():
        section = sections[name]
        assert section["env_reciprocative_tracker"] == name in catalog.NAMES
        assert section["command"] == "tracker"
        assert section["protocol"] == "traxpython"
        assert (INI.parent / section["paths"] / "tracker" / "__main__.py").is_file()
        assert int(section["timeout"]) >= 30
        assert int(section["env_reciprocative_threads"]) >= 1


NANO = SHARED / "models" / "nanotrack_v2"


def test_nanotrack_without_its_files_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"nanotrack_backbone_sim\.onnx is missing.*reciprocative weights add"):
        catalog.create("NanoTrack")


@needs("models/nanotrack_v2")
def test_nanotrack_follows_a_moving_target_with_the_files_that_a_user_added(scene, tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(tmp_path))
    for part in ("backbone", "head"):
        registry.add(NANO / f"{part}.onnx", f"nanotrack-{part}")
    tracker = catalog.create("NanoTrack")
    tracker.init(scene(60, 40), np.array([60.0, 40, 30, 24]))
    for k in range(1, 6):
        result = tracker.update(scene(60 + 3 * k, 40 + 2 * k))
        assert boxes.overlap(result.box, [60 + 3 * k, 40 + 2 * k, 30, 24]) > 0.5
    assert 0 < result.score <= 1
    assert not result.lost


def test_an_onnx_file_of_another_network_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "nanotrack_head_sim.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="its sha256 is"):
        registry.add(tmp_path / "nanotrack_head_sim.onnx")
    assert not (tmp_path / "weights").exists()
