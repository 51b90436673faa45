"""Published raw results join a workspace whole, or not at all."""

import configparser
import shutil
import zipfile
from pathlib import Path

import pytest
from vot.region.io import read_trajectory, write_trajectory

from tests.helpers.small import run_lines, write_run, write_workspace
from tracker import cli
from tracker.core.errors import DamagedFile
from tracker.vot.results import importing
from tracker.vot.results.importing import import_archive, import_results
from tracker.vot.tables.summary import summary

LENGTHS = {"first": 40, "second": 30}


@pytest.fixture
def workspace(tmp_path):
    return write_workspace(tmp_path / "workspace", LENGTHS)


@pytest.fixture
def published(tmp_path):
    """One tracker in the MATLAB layout, two repetitions on the first sequence, times in one file a sequence."""
    root = tmp_path / "Published"
    for name, length in LENGTHS.items():
        write_run(root / "baseline", name, run_lines(length, 3, (12,)))
        (root / "baseline" / name / f"{name}_time.txt").write_text("0.5,0.25,0\n" * length)
    write_run(root / "baseline", "first", run_lines(40, 4), repetition=2)
    return root


def state(workspace):
    return {path: path.read_bytes() for path in sorted(workspace.rglob("*")) if path.is_file()}


def test_a_folder_joins_as_a_tracker_without_a_command(workspace, published):
    done = import_results(published, workspace, "Published", label="Published 2018")
    assert (done.tracker, done.files, done.ignored) == ("Published", 3, [])
    registry = configparser.ConfigParser()
    registry.read(workspace / "trackers.ini")
    assert dict(registry["Published"]) == {"label": "Published 2018", "command": ""}
    assert registry.sections() == ["Near", "Far", "Wide", "Published"]
    rows = {row.tracker: row for row in summary(workspace)}
    assert set(rows) == {"Near", "Far", "Wide", "Published"}
    assert rows["Published"].failures == 1 / 2 + 1
    assert rows["Published"].fps == pytest.approx((40 + 40 + 30) / (40 * 0.5 + 40 * 0.25 + 30 * 0.5))


def test_a_zip_with_folders_above_gives_the_same_files(workspace, published, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "Published")
    import_results(published, workspace, "Folder")
    import_results(tmp_path / "zipped.zip", workspace, "Zip")
    folders = [workspace / "results" / name / "baseline" for name in ("Folder", "Zip")]
    contents = [{path.relative_to(folder): path.read_bytes() for path in state(folder)} for folder in folders]
    assert archive.endswith("zipped.zip")
    assert contents[0] == contents[1]
    assert len(contents[0]) == 6


def test_what_the_toolkit_packs_can_be_imported(workspace, published, tmp_path):
    """Binary trajectories and times as values, at the root of a zip."""
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for name, length in LENGTHS.items():
            regions = read_trajectory(str(published / "baseline" / name / f"{name}_001.txt"))
            write_trajectory(str(tmp_path / "run.bin"), regions)
            archive.write(tmp_path / "run.bin", f"baseline/{name}/{name}_001.bin")
            archive.writestr(f"baseline/{name}/{name}_001_time.value", "0.1\n\n" + "0.1\n" * (length - 2))
        archive.writestr("manifest.yml", "identifier: Packed\n")
    import_results(tmp_path / "packed.zip", workspace, "Packed")
    row = next(row for row in summary(workspace) if row.tracker == "Packed")
    assert row.failures == 2
    assert row.fps == pytest.approx(10)


def test_sequences_that_the_data_set_lacks_are_left_out_and_told(workspace, published):
    write_run(published / "baseline", "third", run_lines(20))
    done = import_results(published, workspace, "Published")
    assert done.ignored == ["third"]
    assert not (workspace / "results" / "Published" / "baseline" / "third").exists()


def lines_of(published, name="first", repetition=1):
    file = published / "baseline" / name / f"{name}_{repetition:03d}.txt"
    return file, file.read_text().splitlines()


def break_length(published):
    file, lines = lines_of(published)
    file.write_text("\n".join(lines[:-6]))


def break_code(published):
    file, lines = lines_of(published, "second")
    file.write_text("\n".join([*lines[:7], "7", *lines[8:]]))


def break_infinite(published):
    file, lines = lines_of(published)
    file.write_text("\n".join([*lines[:4], "1,2,inf,4", *lines[5:]]))


def break_sequence(published):
    shutil.rmtree(published / "baseline" / "second")


def break_numbering(published):
    file, _ = lines_of(published, repetition=2)
    file.rename(file.with_name("first_004.txt"))


def break_experiment(published):
    (published / "baseline").rename(published / "unsupervised")


def break_time(published):
    (published / "baseline" / "first" / "first_time.txt").write_text("0.5,fast,0\n" * 40)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_length, "baseline/first/first_001.txt, line 35: 34 regions, but the sequence has 40 frames"),
        (break_code, "baseline/second/second_001.txt, line 8: unknown code 7"),
        (break_infinite, "baseline/first/first_001.txt, line 5: a region must be finite numbers"),
        (break_sequence, "baseline/second/second_001.txt: missing: the data set has sequence second"),
        (break_numbering, "repetitions are numbered 001 to at most 015, without gaps"),
        (break_experiment, "no folder baseline/<sequence>/<sequence>_001.txt"),
        (break_time, "first_002_time, line 1: seconds must be a number, found 'fast'"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_and_nothing_is_written(workspace, published, damage, message, capsys):
    damage(published)
    before = state(workspace)
    code = cli.main(["import-results", str(published), "--workspace", str(workspace)])
    assert code == 3
    assert message in capsys.readouterr().err
    assert state(workspace) == before
    assert not (workspace / "results" / "Published").exists()


def test_results_that_cannot_be_written_are_not_registered(workspace, published):
    (workspace / "results" / "Published").write_text("in the way")
    before = state(workspace)
    with pytest.raises(OSError, match="results/Published"):
        import_results(published, workspace, "Published")
    assert state(workspace) == before


def test_results_that_cannot_be_registered_are_taken_back(workspace, published, monkeypatch):
    before = state(workspace)

    def full(path, text):
        raise OSError(f"no space for {path}")

    monkeypatch.setattr(importing, "write_whole", full)
    with pytest.raises(OSError, match=r"trackers\.ini"):
        import_results(published, workspace, "Published")
    assert state(workspace) == before
    assert not (workspace / "results" / "Published").exists()


def test_the_name_of_a_tracker_with_a_command_is_refused(workspace, published):
    with (workspace / "trackers.ini").open("a") as registry:
        registry.write("[Published]\ncommand = somewhere\n")
    with pytest.raises(ValueError, match="Published is a tracker with a command"):
        import_results(published, workspace, "Published")


def test_results_are_not_written_over_others(workspace, published):
    import_results(published, workspace, "Published")
    before = state(workspace)
    with pytest.raises(FileExistsError, match="exists: choose another name"):
        import_results(published, workspace, "Published")
    assert state(workspace) == before


@pytest.mark.parametrize("name", ["../escape", "a b", "", "a/b"])
def test_a_name_that_the_registry_cannot_hold_is_refused(workspace, published, name):
    with pytest.raises(ValueError, match="name may have letters"):
        import_results(published, workspace, name)


def test_a_workspace_whose_registry_would_not_see_them_is_refused(workspace, published):
    config = (workspace / "config.yaml").read_text()
    (workspace / "config.yaml").write_text(config.replace("./trackers.ini", "../elsewhere.ini"))
    with pytest.raises(ValueError, match=r"does not name './trackers\.ini'"):
        import_results(published, workspace, "Published")


def test_an_experiment_that_the_stack_lacks_is_refused(workspace, published):
    with pytest.raises(ValueError, match="no such experiment 'realtime'; results can join baseline, unsupervised"):
        import_results(published, workspace, "Published", experiment="realtime")


def test_what_is_no_zip_is_refused(workspace, tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(DamagedFile, match=r"a\.zip: neither a folder nor a readable zip"):
        import_results(tmp_path / "a.zip", workspace, "Published")
    with pytest.raises(FileNotFoundError, match="does not exist: give the folder or zip"):
        import_results(tmp_path / "b.zip", workspace, "Published")
    with pytest.raises(FileNotFoundError, match="not a VOT workspace"):
        import_results(tmp_path / "a.zip", tmp_path, "Published")


@pytest.mark.parametrize("place", [0.02, 0.2, 0.5, 0.8, 0.98])
def test_a_damaged_zip_is_refused_and_nothing_is_written(workspace, published, tmp_path, place):
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in state(published):
            archive.write(file, file.relative_to(published))
    data = bytearray((tmp_path / "zipped.zip").read_bytes())
    at = int(place * len(data))
    data[at : at + 40] = bytes(255 - byte for byte in data[at : at + 40])
    (tmp_path / "zipped.zip").write_bytes(data)
    before = state(workspace)
    with pytest.raises(DamagedFile, match=r"zipped\.zip"):
        import_results(tmp_path / "zipped.zip", workspace, "Published")
    assert state(workspace) == before


def test_a_zip_cannot_write_outside_the_workspace(workspace, published, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in LENGTHS:
            file, _ = lines_of(published, name)
            archive.write(file, f"../../evil/baseline/{name}/{name}_001.txt")
        archive.writestr("../../evil/trackers.ini", "[x]")
    before = state(workspace)
    with pytest.raises(DamagedFile, match="leads out of the archive"):
        import_results(tmp_path / "evil.zip", workspace, "Evil")
    assert state(workspace) == before
    assert not (tmp_path.parent / "evil").exists()
    assert not (tmp_path / "evil").exists()


@pytest.fixture
def archive(tmp_path, published):
    """A challenge's: three trackers that fit, one of a sequence too many, one that is six lines short."""
    root = tmp_path / "challenge"
    for name in ("One", "Two (v2)", "Extra", "Short"):
        shutil.copytree(published, root / "raw" / name)
    write_run(root / "raw" / "Extra" / "baseline", "third", run_lines(20))
    write_run(root / "raw" / "Short" / "baseline", "second", run_lines(24))
    return root


@pytest.mark.parametrize("zipped", [False, True])
def test_an_archive_joins_tracker_by_tracker(workspace, archive, tmp_path, zipped):
    source = Path(shutil.make_archive(str(tmp_path / "all"), "zip", archive)) if zipped else archive
    imported, refused = import_archive(source, workspace)
    assert [(one.tracker, one.files, one.ignored) for one in imported] == [
        ("Extra", 3, ["third"]), ("One", 3, []), ("Two__v2_", 3, []),
    ]  # fmt: skip
    assert [one.tracker for one in refused] == ["Short"]
    assert "Short/baseline/second/second_001.txt, line 25: 24 regions" in refused[0].problem
    assert {row.tracker for row in summary(workspace)} == {"Near", "Far", "Wide", "Extra", "One", "Two__v2_"}
    registry = configparser.ConfigParser()
    registry.read(workspace / "trackers.ini")
    assert registry["Two__v2_"]["label"] == "Two (v2)"


def test_an_archive_is_imported_once(workspace, archive):
    import_archive(archive, workspace)
    before = state(workspace)
    imported, refused = import_archive(archive, workspace)
    assert imported == []
    assert len(refused) == 4
    assert state(workspace) == before


def test_the_command_sums_up_an_archive_and_fails_if_a_tracker_was_refused(workspace, archive, capsys):
    assert cli.main(["import-results", "--archive", str(archive), "--workspace", str(workspace)]) == 1
    printed = capsys.readouterr().out
    assert "Extra: 3 runs joined" in printed
    assert "left out: third" in printed
    assert "Short: refused" in printed
    assert printed.endswith("3 trackers imported, 1 refused\n")


def test_an_archive_without_trackers_is_refused(workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DamagedFile, match="no folder <tracker>/baseline"):
        import_archive(tmp_path / "empty", workspace)


def test_an_archive_has_names_of_its_own(workspace, archive, capsys):
    assert cli.main(["import-results", "--archive", str(archive), "--name", "X", "--workspace", str(workspace)]) == 2
    assert "leave out --name" in capsys.readouterr().err
