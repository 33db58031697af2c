"""Run directories: new by default, never overwritten unawares."""

from __future__ import annotations

import pytest

from cosim.errors import UsageError
from cosim.recording import RunDir


def test_runs_of_one_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [RunDir.create("Thalamus & Cortex, 2 sides") for _ in range(3)]
    assert len({r.path for r in runs}) == 3
    for run in runs:
        assert run.path.is_dir()
        assert run.path.parent.name == "runs"
        assert run.path.name.startswith("thalamus-cortex-2-sides-")


def test_an_earlier_run_is_kept_unless_told(tmp_path):
    run = RunDir.create("x", tmp_path / "deep" / "here")
    for file in (run.scenario, run.result, run.recording(3), run.log(3)):
        file.write_text("old")
    notes = run.path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(UsageError, match="earlier run"):
        RunDir.create("x", run.path)
    assert run.result.read_text() == "old"
    RunDir.create("x", run.path, overwrite=True)
    assert [p.name for p in run.path.iterdir()] == ["notes.txt"]


def test_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot use"):
        RunDir.create("x", tmp_path / "file")


def test_names_say_the_rank(tmp_path):
    run = RunDir(tmp_path)
    assert run.recording(3).name == "rank-0003.h5"
    assert run.log(12).name == "rank-0012.log"


@pytest.mark.parametrize("name", ["", "///", "é"])
def test_names_without_letters_still_give_a_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert RunDir.create(name).path.name.startswith("run-")
