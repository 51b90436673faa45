from __future__ import annotations

import subprocess
import sys

import pytest

from tracker.doctor import packages

GOOD = {
    "reciprocative-tracker": "0.1.0",
    "attributee": "0.1.9",
    "vot-toolkit": "0.7.4",
    "vot-trax": "4.0.2",
    "opencv-python": "4.13.0.90",
    "torch": "2.13.0+cpu",
}
REQUIREMENTS = [
    "torch>=2.2",
    "opencv-python>=4.9",
    "vot-toolkit!=0.8.*,<0.10,>=0.7.4",
    "vot-trax>=4.0.1",
    "attributee<0.1.10,>=0.1.8",
    "pytest>=8; extra == 'test'",
]


def check(changes):
    versions = {name: version for name, version in {**GOOD, **changes}.items() if version}
    return list(packages.check_packages(versions, REQUIREMENTS))


@pytest.mark.parametrize("changes", [{}, {"vot-toolkit": "0.9.0"}, {"opencv-python": "", "opencv-contrib-python": "5"}])
def test_good_sets(changes):
    assert check(changes) == []


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        ({"attributee": "0.1.10"}, "attributee 0.1.10", "pip install 'attributee<0.1.10,>=0.1.8'"),
        ({"vot-toolkit": "0.8.1"}, "vot-toolkit 0.8.1", "pip install 'vot-toolkit"),
        ({"vot-toolkit": ""}, "vot-toolkit is not installed", "pip install 'vot-toolkit"),
        ({"vot-trax": "", "trax": "1.4.1"}, "vot-trax is not installed", "pip install 'vot-trax"),
        ({"trax": "1.4.1"}, "Google's trax 1.4.1", "pip uninstall --yes trax"),
        (
            {"opencv-python-headless": "4.9"},
            "2 builds of OpenCV",
            "pip uninstall --yes opencv-python",
        ),
        ({"torch": "1.13"}, "torch 1.13", "pip install 'torch>=2.2'"),
    ],
)
def test_faults(changes, what, mend):
    finding = check(changes)[0]
    assert what in finding.what
    assert mend in finding.mend
    assert finding.why
    assert finding.fails


def test_a_checkout_that_is_not_installed_is_worth_knowing():
    versions = {name: version for name, version in GOOD.items() if name != "reciprocative-tracker"}
    (finding,) = packages.check_packages(versions)
    assert not finding.fails
    assert "pip install -e" in finding.mend


@pytest.mark.parametrize(("version", "good"), [("3.9.2", 0), ("3.10.1", 1), ("3.13.0", 1), ("3.14.0", 0)])
def test_interpreters(version, good):
    assert (not list(packages.check_interpreter(version))) == bool(good)


def test_installed_sees_this_environment():
    assert "vot-trax" in packages.installed()
    assert "vot_trax" not in packages.installed()


def test_imports_are_tried(tmp_path, monkeypatch):
    assert list(packages.check_imports(modules=("json", "numpy"))) == []
    (tmp_path / "bad_module.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    (tmp_path / "crash_module.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = packages.check_imports(modules=("json", "bad_module"))
    assert "libGL" in finding.what
    assert "apt-get install libgl1" in finding.mend
    (finding,) = packages.check_imports(modules=("crash_module",))
    assert "ends Python with code -6" in finding.what


def test_an_interpreter_that_does_not_run():
    (finding,) = packages.check_imports("/nowhere/python")
    assert "does not run" in finding.what


def test_importing_the_checks_needs_neither_torch_nor_the_toolkit():
    code = "import sys, tracker.commands.doctor; print([m for m in ('torch', 'vot', 'trax') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"  # they may be what is broken
