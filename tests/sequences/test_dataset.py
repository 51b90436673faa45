"""The embedded data set: exact ground truth, true tags, repeatable bytes, and never a half-written folder."""

import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tracker import cli
from tracker.baselines import NCC
from tracker.core.paths import PROJECT
from tracker.sequences import dataset, photos
from tracker.sequences.attributes import TAGS, hidden, silhouette, tags
from tracker.sequences.geometry import Camera, Pose, oriented_box, project, sway, track
from tracker.sequences.rendering import LENGTH, SIZE, coverage, instant
from tracker.sequences.scenes import SCENES, make_scene

pytestmark = pytest.mark.slow

OWN_TAG = {
    "occlusion": {"occlusion"},
    "illumination": {"illum_change"},
    "motion": {"motion_change"},
    "size": {"size_change"},
    "camera": {"camera_motion"},
    "together": set(TAGS),
}


@pytest.fixture(scope="session")
def data_set(tmp_path_factory):
    """The whole data set of seed 0, written by the command."""
    out = tmp_path_factory.mktemp("embedded") / "sequences"
    assert cli.main(["sequences", str(out)]) == 0
    return out


def polygons(folder):
    return np.loadtxt(folder / "groundtruth.txt", delimiter=",").reshape(-1, 4, 2)


def corners_iou(first, second):
    """Overlap of two convex quadrilaterals, by OpenCV."""
    first, second = first.astype(np.float32), second.astype(np.float32)
    common, _ = cv2.intersectConvexConvex(first, second)
    return common / (cv2.contourArea(first) + cv2.contourArea(second) - common)


def box_of_pixels(mask, polygon):
    """The tight box of a mask's pixels, turned as ``polygon`` is turned."""
    side = polygon[1] - polygon[0]
    axis = side / np.linalg.norm(side)
    axes = np.array([axis, [-axis[1], axis[0]]])
    rows, columns = np.nonzero(mask)
    corners = [np.column_stack([columns + dx, rows + dy]) for dx in (0.15, 0.85) for dy in (0.15, 0.85)]
    along = np.concatenate(corners) @ axes.T
    (left, top), (right, bottom) = along.min(axis=0), along.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) @ axes


def painted(scene):
    """The scene with its target's picture replaced by a plain one of the tracked outline."""
    target = scene.actors[scene.target]
    height, width = target.sprite.levels[0].shape[:2]
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [np.round(target.sprite.outline + target.sprite.anchor - 0.5).astype(np.int32)], 1)
    plain = np.repeat(inside[..., None].astype(np.float32), 4, axis=2)
    return replace(target, sprite=replace(target.sprite, levels=(plain,)))


# The files


def test_layout(data_set):
    assert (data_set / "list.txt").read_text().split() == list(SCENES) == list(OWN_TAG)
    assert sorted(path.name for path in data_set.iterdir()) == sorted([*SCENES, "list.txt"])
    for name in SCENES:
        folder = data_set / name
        files = sorted(path.name for path in (folder / "color").iterdir())
        assert files == [f"{number:08d}.jpg" for number in range(1, LENGTH + 1)]
        assert cv2.imread(str(folder / "color" / files[0])).shape == (SIZE[1], SIZE[0], 3)
        metadata = dict(line.split("=") for line in (folder / "sequence").read_text().splitlines())
        assert metadata["channels.color"] == "color/%08d.jpg"
        assert metadata["format"] == "default"
        figures = {key: int(metadata[key]) for key in ("fps", "length", "width", "height", "seed")}
        assert figures == {"fps": 30, "length": 60, "width": 320, "height": 240, "seed": 0}
        assert polygons(folder).shape == (60, 4, 2)
        for tag in TAGS:
            assert len((folder / f"{tag}.tag").read_text().splitlines()) == LENGTH
            assert set((folder / f"{tag}.tag").read_text().split()) <= {"0", "1"}


def test_polygons_are_rectangles_inside_the_image(data_set):
    for name in SCENES:
        corners = polygons(data_set / name)
        sides = np.roll(corners, -1, axis=1) - corners
        assert np.abs((sides[:, 0] * sides[:, 1]).sum(axis=1)).max() < 0.05
        assert np.allclose(sides[:, 0], -sides[:, 2], atol=1e-3)
        assert corners.min() >= 0
        assert (corners.max(axis=(0, 1)) <= SIZE).all()


def test_polygons_turn(data_set):
    for name in SCENES:
        side = np.diff(polygons(data_set / name)[:, :2], axis=1)[:, 0]
        turned = np.degrees(np.ptp(np.unwrap(np.arctan2(side[:, 1], side[:, 0]))))
        assert turned > 4, f"{name} turns by {turned:.1f} degrees only"


def test_written_tags_are_those_of_the_scene(data_set):
    for name in SCENES:
        for tag, values in tags(make_scene(name, 0)).items():
            assert np.array_equal(np.loadtxt(data_set / name / f"{tag}.tag").astype(bool), values)


# The ground truth


@pytest.mark.parametrize("name", SCENES)
def test_polygon_bounds_the_rendered_target(data_set, name):
    """Independent of the ground truth's code: the target's pixels, as rendered, are boxed again."""
    scene = make_scene(name, 0)
    actor = scene.actors[scene.target]
    if name in ("occlusion", "camera"):  # a head is tracked, a whole person is drawn
        actor = painted(scene)
    written = polygons(data_set / name)
    for frame in range(0, LENGTH, 3):
        mask = coverage(scene, actor, frame) >= 0.5
        boxed = box_of_pixels(mask, written[frame])
        assert corners_iou(boxed, written[frame]) > 0.93
        assert np.abs(boxed - written[frame]).max() < 1.5


@pytest.mark.parametrize("name", ["illumination", "motion", "size"])
def test_the_target_is_where_the_polygon_says_in_the_picture(name):
    """What removing the target changes in the picture fills its polygon."""
    scene = make_scene(name, 0)
    target = replace(scene.actors[0], darkness=0.0)
    for frame in (0, 20, 40, 59):
        with_target = instant(replace(scene, actors=(target,)), frame)
        without = instant(replace(scene, actors=()), frame)
        changed = np.abs(with_target - without).max(axis=2) > 0.02
        box = scene.box(frame)
        seen = box_of_pixels(cv2.medianBlur(changed.astype(np.uint8), 3), box)
        assert np.abs(seen.mean(axis=0) - box.mean(axis=0)).max() < 0.7
        assert np.abs(seen - box).max() < 4, "the soft edge adds a pixel or two on each side"


def test_oriented_box_of_a_turned_square():
    square = [(-10, -10), (10, -10), (10, 10), (-10, 10)]
    view = Camera(50, 40, zoom=2).matrix((100, 80)) @ Pose(50, 40, scale=0.5, angle=np.pi / 6).matrix()
    box = oriented_box(view, square)
    assert np.allclose(box.mean(axis=0), (50, 40))
    assert np.allclose(np.linalg.norm(np.roll(box, -1, axis=0) - box, axis=1), 20)
    assert np.degrees(np.arctan2(*(box[1] - box[0])[::-1])) == pytest.approx(30)


def test_yaw_foreshortens_and_the_near_side_is_larger():
    left, right, top, bottom = project(Pose(0, 0, yaw=0.6).matrix(), [(-50, 0), (50, 0), (0, -50), (0, 50)])
    assert right[0] - left[0] < 100 == pytest.approx(bottom[1] - top[1])
    assert abs(right[0]) != pytest.approx(abs(left[0]), abs=1)


def test_track_without_overshoot_stays_between_its_values():
    curve = track([0, 10, 20], [1.0, 1.0, 3.0], overshoot=False)
    values = [curve(t) for t in np.linspace(-5, 25, 100)]
    assert min(values) == 1.0
    assert max(values) == pytest.approx(3.0)
    assert curve(-5) == curve(0)


def test_sway_has_the_amplitude_it_says():
    hand = sway(np.random.default_rng(3), 2.0, 11)
    assert np.std([hand(t) for t in range(5000)]) == pytest.approx(2.0, rel=0.05)


# The tags


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("name", SCENES)
def test_each_sequence_shows_its_own_difficulty_and_no_other(name, seed):
    found = tags(make_scene(name, seed))
    assert set(found) == set(TAGS)
    assert {tag for tag, values in found.items() if values.any()} == OWN_TAG[name]
    for tag in OWN_TAG[name] - {"clutter"}:
        assert not found[tag][:10].any(), "the first frames are calm"
        assert found[tag].sum() >= (4 if name == "together" else 20)


def test_occlusion_is_what_the_picture_hides():
    """The hidden share, measured again: how much less of the picture the target changes when the pillars stand."""
    scene = make_scene("occlusion", 0)
    target, *pillars = (replace(actor, darkness=0.0) for actor in scene.actors)

    def change(frame, *nearer):
        before = instant(replace(scene, actors=nearer), frame)
        return np.abs(instant(replace(scene, actors=(target, *nearer)), frame) - before).sum(axis=2)

    for frame in (2, 13, 19, 37):
        free = change(frame)
        seen = (silhouette(scene, frame) > 0.99) & (free > 0.02)
        assert 1 - (change(frame, *pillars)[seen] / free[seen]).mean() == pytest.approx(hidden(scene, frame), abs=0.04)
    assert hidden(scene, 2) < 0.02
    assert max(hidden(scene, frame) for frame in range(10, 30)) > 0.6


def test_light_changes_in_the_pictures(data_set):
    def brightness(name, frame):
        return cv2.imread(str(data_set / name / "color" / f"{frame + 1:08d}.jpg")).mean()

    assert brightness("illumination", 24) < 0.6 * brightness("illumination", 5)
    assert brightness("illumination", 40) > 1.2 * brightness("illumination", 5)
    assert brightness("size", 55) == pytest.approx(brightness("size", 5), rel=0.2)


def test_fast_motion_is_blurred(data_set):
    """The patch loses its detail where it is fast; the lawn around it keeps its own."""
    corners = polygons(data_set / "motion")

    def sharpness(frame):
        image = cv2.imread(str(data_set / "motion" / "color" / f"{frame + 1:08d}.jpg"), cv2.IMREAD_GRAYSCALE)
        (x, y), reach = corners[frame].mean(axis=0), 14
        patch = image[int(y) - reach : int(y) + reach, int(x) - reach : int(x) + reach]
        return cv2.Laplacian(patch, cv2.CV_64F).var()

    speed = np.linalg.norm(np.diff(corners.mean(axis=1), axis=0), axis=1)
    assert speed[:5].max() < 5
    assert speed.max() > 15
    assert sharpness(int(speed.argmax()) + 1) < 0.3 * sharpness(2)


def test_a_template_is_not_enough(data_set):
    """A static template with a fixed box loses the target, or most of it, in at least half of the sequences."""
    poor = 0
    for name in SCENES:
        corners, tracker, overlaps = polygons(data_set / name), NCC(), []
        for frame, polygon in enumerate(corners):
            image = cv2.imread(str(data_set / name / "color" / f"{frame + 1:08d}.jpg"))[..., ::-1].copy()
            if frame == 0:
                low, high = polygon.min(axis=0), polygon.max(axis=0)
                tracker.init(image, np.array([*low, *(high - low)]))
                continue
            x, y, width, height = tracker.update(image).box
            found = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
            overlaps.append(corners_iou(found, polygon))
        poor += min(overlaps) < 0.1
    assert poor >= 3


# Seeds, resuming, errors


def test_same_seed_same_bytes_other_seed_other_bytes(data_set):
    for name in SCENES:
        first = (data_set / name / "color" / "00000031.jpg").read_bytes()
        assert dataset.picture(make_scene(name, 0), 30, 0) == first
        assert dataset.picture(make_scene(name, 1), 30, 1) != first
        assert not np.allclose(make_scene(name, 1).box(30), make_scene(name, 0).box(30), atol=0.2)


@pytest.fixture
def only_size(monkeypatch):
    """A data set of one short sequence, to be quick."""
    monkeypatch.setattr(dataset, "SCENES", {"size": SCENES["size"]})
    monkeypatch.setattr(dataset, "LENGTH", 8)


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_what_is_complete_is_left_alone(only_size, tmp_path):
    assert list(dataset.generate(tmp_path)) == [("size", True)]
    before = snapshot(tmp_path / "size")
    assert list(dataset.generate(tmp_path)) == [("size", False)]
    assert snapshot(tmp_path / "size") == before


@pytest.mark.parametrize("damage", ["color/00000003.jpg", "groundtruth.txt", "occlusion.tag"])
def test_what_is_damaged_is_made_again(only_size, tmp_path, damage):
    list(dataset.generate(tmp_path))
    whole = {path: content for path, (_, content) in snapshot(tmp_path).items()}
    (tmp_path / "size" / damage).unlink()
    assert list(dataset.generate(tmp_path)) == [("size", True)]
    assert {path: content for path, (_, content) in snapshot(tmp_path).items()} == whole


def test_an_interrupted_run_leaves_no_trace_of_the_sequence(only_size, tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(dataset, "tags", lambda scene: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(dataset.generate(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert list(dataset.generate(tmp_path)) == [("size", True)]


def test_an_interrupted_run_keeps_what_was_there(only_size, tmp_path, monkeypatch):
    list(dataset.generate(tmp_path, seed=1))
    before = snapshot(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(dataset, "tags", lambda scene: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(dataset.generate(tmp_path, seed=2, overwrite=True))
    assert snapshot(tmp_path) == before
    assert list(dataset.generate(tmp_path, seed=2, overwrite=True)) == [("size", True)]
    assert "seed=2" in (tmp_path / "size" / "sequence").read_text()


def test_sequences_of_others_stay_and_stay_listed(only_size, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "list.txt").write_text("mine\n")
    list(dataset.generate(tmp_path))
    assert (tmp_path / "list.txt").read_text().split() == ["size", "mine"]
    assert (tmp_path / "mine").is_dir()


def test_a_sequence_of_other_origin_is_never_replaced(only_size, tmp_path, capsys):
    (tmp_path / "size").mkdir()
    (tmp_path / "size" / "groundtruth.txt").write_text("1,2,3,4\n")
    assert cli.main(["sequences", str(tmp_path)]) == 3
    assert "was not made by tracker.sequences" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["size", "groundtruth.txt"]


def test_another_seed_is_not_replaced_unasked(only_size, tmp_path, capsys):
    assert cli.main(["sequences", str(tmp_path)]) == 0
    before = (tmp_path / "size" / "sequence").read_text()
    assert cli.main(["sequences", str(tmp_path), "--seed", "1"]) == 3
    assert "size is of seed 0, not 1" in capsys.readouterr().err
    assert (tmp_path / "size" / "sequence").read_text() == before
    assert cli.main(["sequences", str(tmp_path), "--seed", "1", "--overwrite"]) == 0
    assert "seed=1" in (tmp_path / "size" / "sequence").read_text()


def test_errors_of_the_command(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    assert cli.main(["sequences", str(file)]) == 3
    assert f"{file} is a file: name a folder" in capsys.readouterr().err
    assert cli.main(["sequences", str(file / "below")]) == 3
    assert cli.main(["sequences", str(tmp_path / "new"), "--seed", "-1"]) == 2
    assert "seed is -1: give 0 or more" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_module_runs_as_the_command_does(tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "tracker.sequences", str(tmp_path / "file")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")


def test_overview(data_set, tmp_path):
    dataset.write_overview(data_set, tmp_path / "docs" / "sheet.jpg")
    assert (tmp_path / "docs" / "sheet.jpg").stat().st_size < 90_000
    sheet = cv2.imread(str(tmp_path / "docs" / "sheet.jpg"))
    assert sheet.shape == (6 * 105, 5 * 140, 3)
    with pytest.raises(ValueError, match=r"must end in \.jpg or \.png"):
        dataset.write_overview(data_set, tmp_path / "sheet.txt")


# The photographs


def test_every_photograph_is_there_and_its_terms_are_stated():
    for name, photo in photos.PHOTOS.items():
        image = photos.load(name)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert photo.licence in ("CC0", "public domain", "no known copyright restrictions")
        assert photo.author


def test_another_photograph_under_the_same_name_is_refused(monkeypatch):
    monkeypatch.setitem(photos.PHOTOS, "swapped", replace(photos.PHOTOS["grass"], sha256="0" * 64))
    with pytest.raises(OSError, match=r"grass\.png is not the expected one .* reinstall skimage"):
        photos.load("swapped")
    monkeypatch.setitem(photos.PHOTOS, "gone", replace(photos.PHOTOS["grass"], file="data/gone.png"))
    with pytest.raises(OSError, match=r"gone\.png cannot be read .* reinstall skimage"):
        photos.load("gone")
    monkeypatch.setitem(photos.PHOTOS, "nowhere", replace(photos.PHOTOS["grass"], package="no_such_package"))
    with pytest.raises(ImportError, match="'no_such_package', which is not installed"):
        photos.load("nowhere")


# The toolkit

_LOAD = """
import json, sys
from vot.dataset import load_sequence
from vot.workspace import Workspace
workspace = Workspace.load(sys.argv[1])
report = {}
for sequence in workspace.dataset:
    again = load_sequence(sys.argv[2] + "/" + sequence.name)
    report[sequence.name] = [
        len(again), list(again.size), sorted(again.tags()), again.groundtruth(0).type.name,
        [sum(tag in sequence.tags(frame) for frame in range(len(sequence))) for tag in sorted(sequence.tags())],
        list(again.frame(59).image().shape), [[float(p[0]), float(p[1])] for p in again.groundtruth(7).points()],
    ]
print("REPORT" + json.dumps(report))
"""


@pytest.mark.integration
def test_the_toolkit_loads_the_data_set(data_set, tmp_path):
    stack = PROJECT / "vot_workspace" / "stacks" / "embedded.yaml"
    (tmp_path / "config.yaml").write_text(f"registry: []\nsequences: {data_set}\nstack: {stack}\n")
    command = [sys.executable, "-c", _LOAD, str(tmp_path), str(data_set)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.split("REPORT")[1])
    assert list(report) == list(SCENES)
    for name, (length, size, names, region, counts, shape, points) in report.items():
        assert (length, size, region, shape) == (60, [320, 240], "POLYGON", [240, 320, 3])
        assert names == sorted(TAGS)
        expected = tags(make_scene(name, 0))
        assert counts == [int(expected[tag].sum()) for tag in sorted(TAGS)]
        assert np.allclose(points, polygons(data_set / name)[7], atol=1e-3)
