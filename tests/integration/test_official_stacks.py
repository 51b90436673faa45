"""DAT in the toolkit's own stacks that are not reset-based, unmodified, on a tiny data set."""

import pytest

from tests.helpers.workspaces import read_json, run, write_sequence
from tracker.core.paths import PROJECT

pytestmark = pytest.mark.integration

FRAMES = 6


@pytest.fixture
def sequences(tmp_path):
    write_sequence(tmp_path / "sequences" / "street", FRAMES)
    (tmp_path / "sequences" / "list.txt").write_text("street\n")
    return tmp_path / "sequences"


def evaluated(folder, sequences, stack):
    """A workspace of an official stack, evaluated and analysed."""
    folder.mkdir()
    config = f"registry: ['{PROJECT / 'trackers.ini'}']\nsequences: '{sequences}'\nstack: {stack}\n"
    (folder / "config.yaml").write_text(config)
    done = run("tracker.cli", "evaluate", "DAT", "--workspace", folder, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    analysis = run("vot", "analysis", "DAT", "--workspace", folder, "--name", "first")
    results = read_json(folder / "analysis" / "first.json")["results"]
    assert analysis.returncode == 0
    assert all(facts["results"] for facts in results.values())
    return done.stdout, sorted(str(path.relative_to(folder / "results/DAT")) for path in folder.rglob("*.bin"))


def test_multistart_real_time_and_unsupervised_of_vot2022_boxes(tmp_path, sequences):
    said, found = evaluated(tmp_path / "vot2022", sequences, "vot2022/shorttermbox")
    anchors = ("street_00000000", f"street_{FRAMES - 1:08d}")
    both = [f"{experiment}/street/{name}.bin" for experiment in ("baseline", "realtime") for name in anchors]
    assert found == [*both, "unsupervised/street/street_001.bin"]
    assert "1 tasks run alone" in said


def test_one_pass_of_otb(tmp_path, sequences):
    _, found = evaluated(tmp_path / "otb", sequences, "otb50")
    assert found == ["baseline/street/street_001.bin"]
