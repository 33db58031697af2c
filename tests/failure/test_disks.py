"""Disks that are full or read-only, and folders that go away: said plainly, and nothing is lost."""

import contextlib
import os
import re
import shutil
import subprocess

import faults
import pytest
import toy_cases
import toy_jobs

from cosim.results import open_result

SMALL = "16m"
RUN = ("run", "toy.yaml", "--run-dir", "run", "--serial", *faults.QUIET)
RESUME = ("resume", "run", *faults.QUIET)


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return faults.reference(tmp_path_factory.mktemp("whole"))


@contextlib.contextmanager
def mounted(folder, *options):
    """Mount something at a folder, if this user may."""
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"optional: this user may not mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], timeout=20, check=True)


@contextlib.contextmanager
def read_only(folder):
    """Let nobody write to a folder; permissions would not keep root from it."""
    if os.geteuid() == 0:
        with mounted(folder, "--bind", "-o", "ro", str(folder)):
            yield
        return
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def command(folder, *arguments, **environ):
    known = dict(toy_jobs.mpirun(1, ())[1])
    argv = (*toy_cases.program(), *arguments)
    return toy_jobs.run_job(argv, folder, limit_s=faults.LIMIT_S, **known, **environ)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Return a folder with a run that can be resumed, to be copied."""
    folder = tmp_path_factory.mktemp("interrupted")
    faults.write(folder)
    ended = command(folder, *RUN, TOY_FAULT=f"raise {faults.FIELD} 60")
    assert "ArithmeticError: the toy broke" in ended.err
    assert ended.code != 0
    return folder


def contents(folder):
    """Return the bytes of all files that a run has left."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "filler")
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def assert_readable(folder, whole):
    status, found = toy_cases.recorded(folder / "run")
    assert status.startswith(("failed: ", "unfinished"))
    for key, columns in found.items():
        for mine, other in zip(columns, whole[key], strict=True):
            assert mine.tobytes() == other[: len(mine)].tobytes(), key
    return found


def assert_whole(folder, whole):
    status, found = toy_cases.recorded(folder / "run")
    assert status == "complete"
    assert toy_cases.differences(whole, found) == []


def test_a_disk_that_gets_full_loses_nothing_and_the_run_goes_on_when_there_is_room(
    tmp_path, whole
):
    faults.write(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    with mounted(run, "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs"):
        ranks = (tok for tok in RUN if tok != "--serial")
        ended = command(tmp_path, *ranks, TOY_FAULT=f"fill {faults.FIELD} 45")
        assert ended.code == 1
        said = r"cosim: role .* on rank \d.* failed in window \d+: run/\S+ cannot be written: the "
        assert re.match(said + "disk is full", ended.first_word), ended.err
        assert "to go on: cosim resume run" in ended.err
        assert "Traceback" not in ended.err
        found = assert_readable(tmp_path, whole)
        assert len(found["field/Raw"][0]) > 20, "half a second before is there"

        before = contents(run)
        again = command(tmp_path, *RESUME)
        assert again.code == 2
        assert again.first_word == "cosim: cannot write to run: the disk is full"
        assert contents(run) == before

        (run / "filler").unlink()
        ended = command(tmp_path, *RESUME, "--serial")
        assert ended.code == 0, ended.err
        assert_whole(tmp_path, whole)


def test_a_serial_run_on_a_full_disk_ends_as_plainly(tmp_path, whole):
    faults.write(tmp_path)
    (tmp_path / "run").mkdir()
    with mounted(tmp_path / "run", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs"):
        ended = command(tmp_path, *RUN, TOY_FAULT=f"fill {faults.FIELD} 45")
        assert ended.code == 1
        assert re.search(r"cosim: .*run/\S+ cannot be written: the disk is full", ended.err)
        assert "to go on: cosim resume run" in ended.err
        assert "Traceback" not in ended.err
        assert_readable(tmp_path, whole)


def test_a_folder_that_can_only_be_read_is_refused_and_its_run_stays_as_it_is(
    tmp_path, whole, interrupted
):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "run"
    before = contents(run)
    with read_only(run):
        for start in (RESUME, (*RUN, "--overwrite")):
            ended = command(tmp_path, *start)
            assert ended.code == 2, ended.err
            said = r"cosim: cannot write to run: (the file system is read-only|permission denied)"
            assert re.fullmatch(said, ended.err.strip())
            assert contents(run) == before
        assert_readable(tmp_path, whole)


def test_a_folder_in_which_no_run_can_be_made_is_named(tmp_path):
    faults.write(tmp_path)
    (tmp_path / "parent").mkdir()
    with read_only(tmp_path / "parent"):
        ended = command(tmp_path, "run", "toy.yaml", "--run-dir", "parent/run", *faults.QUIET)
        assert ended.code == 2
        assert ended.err.startswith("cosim: cannot use parent/run as run directory: ")
        assert "Traceback" not in ended.err


def test_a_folder_that_is_deleted_meanwhile_ends_the_run(tmp_path):
    faults.write(tmp_path)
    ended = command(tmp_path, *RUN, TOY_FAULT=f"delete {faults.FIELD} 10")
    assert ended.code == 1
    assert ended.since_fault_s < faults.SOON_S
    said = r"cosim: .*run/rank-\d+\.h5 cannot be written: it is gone; was the run's folder deleted"
    assert re.search(said, ended.err)
    assert "Traceback" not in ended.err


def test_the_result_of_the_attempt_before_counts_until_there_is_a_new_one(
    tmp_path, whole, interrupted
):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    ended = command(tmp_path, *RESUME, "--serial", TOY_FAULT="prepare field -1")
    assert ended.code != 0
    assert not (tmp_path / "run" / "result.h5").exists()
    assert_readable(tmp_path, whole)
    with open_result(tmp_path / "run") as result:
        assert result.path.parent.name == "earlier-1"
