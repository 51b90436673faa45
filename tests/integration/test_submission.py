"""`reciprocative pack` and `verify`: reproducible, complete, safe, and honest about what is wrong."""

import re
import stat
import zipfile

import pytest
import yaml
from vot.workspace import Workspace

from tests.helpers.workspaces import EXPERIMENTS, run, write_registry, write_workspace
from tracker import catalog
from tracker.core import archive
from tracker.core.paths import PROJECT
from tracker.vot.evaluation.execute import execute
from tracker.vot.evaluation.plan import plan
from tracker.vot.results.provenance import settings_of
from tracker.vot.submission import pack
from tracker.vot.submission.manifest import MANIFEST
from tracker.vot.submission.pack import ANALYSIS, SECTION
from tracker.vot.submission.verify import Submission

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A complete workspace and its package."""
    directory = write_workspace(
        tmp_path_factory.mktemp("packed"), EXPERIMENTS.format(repetitions=3), {"left": 30, "right": 24}
    )
    workspace = Workspace.load(str(directory))
    trackers = {workspace.registry["Dummy"]: None}
    found = plan(workspace, trackers, list(workspace.stack), list(workspace.dataset))
    for task in found.todo:
        assert execute(str(directory), "pack", task, {}).error is None
    done = run("tracker.cli", "pack", "Dummy", "--workspace", directory, "--out", directory / "first.zip")
    assert done.returncode == 0, done.stderr
    return directory, directory / "first.zip"


def test_packages_of_variants_name_their_parameters(tmp_path):
    variants = {"Slow": "drift=1", "Fast": "drift=2.5"}
    own = {"paths": str(PROJECT / "examples"), "env_RECIPROCATIVE_TRACKER": "own_tracker:Still"}
    settings = {"command": "tracker", **own}
    sections = {name: {**settings, "env_RECIPROCATIVE_PARAMS": text} for name, text in variants.items()}
    directory = write_workspace(tmp_path, EXPERIMENTS.format(repetitions=1), {"left": 15}, sections)
    assert run("tracker.cli", "evaluate", *variants, "--workspace", directory, "--workers", "1").returncode == 0
    fingerprints = set()
    for name, text in variants.items():
        done = run("tracker.cli", "pack", name, "--workspace", directory)
        assert done.returncode == 0, done.stderr
        members = archive.read(directory / f"{name}.zip")
        manifest = yaml.safe_load(members[MANIFEST])
        assert manifest["configuration"]["env_RECIPROCATIVE_PARAMS"] == text
        assert f"env_RECIPROCATIVE_PARAMS = {text}\n" in members[SECTION].decode()
        fingerprints.add(manifest["fingerprint"])
    assert len(fingerprints) == 2


def test_weights_are_those_of_the_variant():
    assert "box-estimator" in catalog.weights_of("DAT")
    assert catalog.weights_of("DAT", "features=crops, backbone=vgg-m") == ("vgg-m",)
    with pytest.raises(ValueError, match="did you mean 'backbone'"):
        catalog.weights_of("DAT", "backbon=vgg-m")


def verify(file, *arguments):
    return run("tracker.cli", "verify", file, *arguments)


def test_same_workspace_gives_the_same_bytes(packed):
    directory, first = packed
    done = run("tracker.cli", "pack", "Dummy", "--workspace", directory)
    assert done.returncode == 0, done.stderr
    assert (directory / "Dummy.zip").read_bytes() == first.read_bytes()
    assert "Dummy: checking the results\n" in done.stderr
    assert "Dummy: analysis and report\n" in done.stderr
    assert not list(directory.glob("Dummy_*.zip"))


def test_package_holds_what_a_committee_needs(packed):
    directory, file = packed
    members = archive.read(file)
    for name in (ANALYSIS, "reproduce/README.md", "reproduce/trackers.ini", "reproduce/report/report.html"):
        assert members[name]
    manifest = yaml.safe_load(members[MANIFEST])
    assert manifest["identifier"] == "Dummy"
    assert manifest["toolkit"]
    assert manifest["stack"] == "stack.yaml"
    assert manifest["results"]["baseline"]["left"]["runs"] == {f"left_00{i}": 30 for i in (1, 2, 3)}
    for name, content in members.items():
        assert str(directory).encode() not in content, name


def test_good_package_is_verified_with_figures_and_rerun(packed):
    directory, file = packed
    alone = verify(file)
    assert alone.returncode == 0
    assert "only checksums and files were checked" in alone.stdout
    full = verify(file, "--workspace", directory, "--rerun", "left")
    assert full.returncode == 0, full.stderr
    assert "the analysis gives the figures of the package" in full.stdout
    assert "overlap 0.999 or better" in full.stdout


def test_incomplete_results_are_refused_with_a_list(packed, tmp_path):
    import shutil

    directory = tmp_path / "workspace"
    shutil.copytree(packed[0], directory)
    (directory / "results/Dummy/baseline/left/left_003.bin").unlink()
    cut = directory / "results/Dummy/unsupervised/right/right_001_time.value"
    cut.write_text("0.1\n")
    done = run("tracker.cli", "pack", "Dummy", "--workspace", directory, "--out", tmp_path / "no.zip")
    assert done.returncode == 1
    assert not (tmp_path / "no.zip").exists()
    assert "missing: baseline/left" in done.stderr
    assert "half-written" in done.stderr
    assert "right_001" in done.stderr


@pytest.mark.parametrize("path", ["/home/alice/a.pth", "--model=/Users/bob/x", "/root/a.pth", "~alice/x", "~/x"])
@pytest.mark.parametrize("name", [MANIFEST, SECTION])
def test_anybodys_home_is_not_published(tmp_path, name, path):
    with pytest.raises(ValueError, match=rf"{name} would publish .*: remove that path"):
        pack._refuse_personal({name: f"env_MODEL = {path}\n".encode()}, tmp_path)


@pytest.mark.parametrize("path", ["/data/home/model.pth", "/opt/root/x", "models/Users/x", "a~b/c", "/rooted/x"])
def test_other_paths_are_published(tmp_path, path):
    pack._refuse_personal({SECTION: f"env_MODEL = {path}\n".encode()}, tmp_path)


def test_instructions_name_only_what_is_packed(packed, tmp_path):
    own = write_workspace(tmp_path)
    registry = PROJECT / "trackers.ini"
    (own / "config.yaml").write_text(f"registry: [{registry}]\nsequences: sequences\nstack: stack.yaml\n")
    tracker = Workspace.load(str(own)).registry["NCC"]
    of_ours = pack._reproduction(tracker, settings_of(tracker))
    of_ours |= {ANALYSIS: b"", "reproduce/report/report.html": b""}
    for members, lock in ((archive.read(packed[1]), False), (of_ours, True)):
        named = re.findall(r"reproduce/[\w./-]*\w", members["reproduce/README.md"].decode())
        assert ("reproduce/env/requirements.lock" in named) is lock
        assert "reproduce/trackers.ini" in named
        assert all(any(member.startswith(name) for member in members) for name in named)


def rewritten(change, fix_checksums=False):
    """Change the members of a package and write it again, with checksums of the old or the new content."""

    def build(members, path):
        old = members.pop(archive.CHECKSUMS)
        change(members)
        archive.write(path, members)
        if not fix_checksums:
            with zipfile.ZipFile(path, "w") as file:
                for name, content in {**members, archive.CHECKSUMS: old}.items():
                    file.writestr(name, content)

    return build


def appended(name, content=b"x", mode=0o644):
    def build(members, path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member, data in members.items():
                file.writestr(member, data)
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, content, zipfile.ZIP_DEFLATED)

    return build


def cut_off(members, path):
    archive.write(path, {name: data for name, data in members.items() if name != archive.CHECKSUMS})
    path.write_bytes(path.read_bytes()[:2000])


def flip(name):
    def change(members):
        data = bytearray(members[name])
        data[30] ^= 1
        members[name] = bytes(data)

    return change


RESULT = "baseline/left/left_001.bin"


def added(name, content=b"x"):
    return rewritten(lambda members: members.update({name: content}), True)


def retold(change):
    """A package whose manifest says something else."""

    def edit(members):
        manifest = yaml.safe_load(members[MANIFEST])
        change(manifest)
        members[MANIFEST] = yaml.safe_dump(manifest).encode()

    return rewritten(edit, True)


def listing_not_utf8(members, path):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, (b"\xff\xfe" if name == archive.CHECKSUMS else b"") + data)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        pytest.param(rewritten(flip(RESULT)), f"{RESULT}: its checksum differs", id="flipped byte"),
        pytest.param(rewritten(lambda m: m.pop(RESULT)), f"{RESULT}: missing", id="missing file"),
        pytest.param(
            rewritten(lambda m: m.pop(RESULT), True), "lists this trajectory, but it is missing", id="hidden gap"
        ),
        pytest.param(rewritten(lambda m: m.update(more=b"")), "more: not listed in SHA256SUMS", id="added file"),
        pytest.param(
            rewritten(lambda m: m.update({RESULT: m[RESULT][:50]}), True),
            "not a whole binary trajectory",
            id="half-written",
        ),
        pytest.param(
            rewritten(lambda m: m.update({"baseline/left/left_009.bin": m[RESULT]}), True),
            "left_009.bin: not in the manifest",
            id="smuggled trajectory",
        ),
        pytest.param(rewritten(lambda m: m.pop(MANIFEST), True), f"{MANIFEST} is missing", id="no manifest"),
        pytest.param(rewritten(lambda m: m.update({MANIFEST: b"[1"}), True), "cannot be read", id="broken manifest"),
        pytest.param(retold(lambda m: m.update(identifier="../evil")), "identifier is '../evil'", id="path as tracker"),
        pytest.param(retold(lambda m: m.update(results=5)), "results must be a mapping", id="no results"),
        pytest.param(retold(lambda m: m.update(results={})), "results must be a mapping", id="empty results"),
        pytest.param(
            retold(lambda m: m["results"].update(baseline=5)), "baseline must be a mapping", id="no sequences"
        ),
        pytest.param(
            retold(lambda m: m["results"]["baseline"]["left"].pop("runs")), "runs of left must be", id="no runs"
        ),
        pytest.param(
            retold(lambda m: m["results"].pop("unsupervised")),
            "unsupervised/left/left_001.bin: not in the manifest",
            id="untold experiment",
        ),
        pytest.param(added(ANALYSIS, b"{"), f"{ANALYSIS} is no analysis", id="analysis without JSON"),
        pytest.param(added(ANALYSIS, b"{}"), f"{ANALYSIS} is no analysis", id="empty analysis"),
        pytest.param(listing_not_utf8, "SHA256SUMS: not UTF-8", id="checksums not UTF-8"),
        pytest.param(
            added("baseline/left/left_001_more.value", b"1\n" * 30), "left_002_more.value: missing", id="property"
        ),
        pytest.param(
            added("baseline/left/other_time.value"), "other_time.value: not in the manifest", id="stray property"
        ),
        pytest.param(added("baseline/left/note.md"), "note.md: not in the manifest", id="stray file"),
        pytest.param(added("./baseline/left/left_004.bin"), "has an empty or '.' part", id="dot part"),
        pytest.param(added("baseline/left"), "'baseline/left' is a file and a folder", id="file and folder"),
        pytest.param(appended("../evil"), "leads out of the archive", id="parent folder"),
        pytest.param(appended("bomb", bytes(20 * 2**20)), "zip bomb", id="zip bomb"),
        pytest.param(appended("link", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link", id="link"),
        pytest.param(cut_off, "not a whole zip archive", id="cut off"),
    ],
)
def test_damage_is_named(packed, tmp_path, build, message):
    bad = tmp_path / "bad.zip"
    build(archive.read(packed[1]), bad)
    try:
        problems = Submission(bad).problems()
    except ValueError as error:
        problems = [str(error)]
    assert any(message in problem for problem in problems), problems


def test_wrong_figures_and_another_tracker_are_found(packed, tmp_path):
    directory, file = packed
    members = archive.read(file)
    del members[archive.CHECKSUMS]
    members[ANALYSIS] = members[ANALYSIS].replace(b"0.", b"0.9", 1)
    archive.write(tmp_path / "figures.zip", members)
    wrong = verify(tmp_path / "figures.zip", "--workspace", directory)
    assert wrong.returncode == 1
    assert "computed now" in wrong.stderr

    other = write_workspace(tmp_path / "other", EXPERIMENTS.format(repetitions=3), {"left": 30, "right": 24})
    write_registry(other, {"Dummy": {"env_DUMMY_DRIFT": "2.6"}})
    problems = Submission(file).rerun(other, "left")
    assert problems
    assert "overlap" in problems[0]
    with pytest.raises(ValueError, match="no sequence nothing that can be run again; the package has left, right"):
        Submission(file).rerun(other, "nothing")


def test_wrong_use_is_an_error(packed, tmp_path):
    nowhere = run("tracker.cli", "pack", "Dummy", "--workspace", packed[0], "--out", tmp_path / "no/x.zip")
    assert nowhere.returncode == 3
    assert f"the folder {tmp_path / 'no'} does not exist" in nowhere.stderr
    assert verify(tmp_path / "absent.zip").returncode == 3
    done = verify(packed[1], "--rerun", "left")
    assert done.returncode == 2
    assert "--rerun needs --workspace" in done.stderr


def test_a_workspace_without_a_stack_is_one_line(packed, tmp_path):
    directory, file = packed
    config = yaml.safe_load((directory / "config.yaml").read_text())
    config["sequences"] = str(directory / config.get("sequences", "sequences"))
    del config["stack"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done = verify(file, "--workspace", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
    assert "config.yaml: the toolkit cannot load this workspace: " in done.stderr
    assert "stack" in done.stderr
