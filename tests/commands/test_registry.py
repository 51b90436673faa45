from __future__ import annotations

import configparser
from pathlib import Path

from tracker import catalog, cli
from tracker.core.paths import PROJECT


def test_it_prints_the_path_of_a_file_with_the_catalog_s_trackers(capsys):
    assert cli.main(["registry"]) == 0
    parser = configparser.ConfigParser()
    parser.read(capsys.readouterr().out.strip())
    names = {section["env_RECIPROCATIVE_TRACKER"] for name, section in parser.items() if name != "DEFAULT"}
    assert {"DAT", "DAT-paper", "MDNet", "NCC", "MIL"} <= names <= set(catalog.NAMES)


def test_an_installation_without_it_says_how_to_mend(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tracker.commands.registry.REGISTRY", tmp_path / "trackers.ini")
    assert cli.main(["registry"]) == 3
    assert "pip install --force-reinstall" in capsys.readouterr().err


def test_it_prints_the_folder_of_the_stacks_that_the_embedded_workspace_uses(capsys):
    assert cli.main(["registry", "--stacks"]) == 0
    stacks = Path(capsys.readouterr().out.strip())
    assert (stacks / "vot2016.yaml").is_file()
    ours = PROJECT / "vot_workspace" / "stacks" / "embedded.yaml"
    assert ours.read_bytes() == (stacks / "embedded.yaml").read_bytes()
