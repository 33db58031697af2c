"""Results of anybody are refused with a message that names the file; nothing in them is run."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from hostile import results
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results_sample import write_sample

from cosim.results import ResultError, open_result, summary_table

HERE = Path(__file__).parent
#: A new process with libraries takes half of it; the arrays announced here take terabytes.
MEMORY_BYTES = 2**30


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("good") / "run", duration_ms=50).path


@pytest.fixture
def run(good, tmp_path):
    return Path(shutil.copytree(good, tmp_path / "run"))


def read_all(path):
    """Ask for everything that a result offers."""
    with open_result(path) as result:
        assert result.status
        told = (result.scenario, result.resolved, result.plan, result.seeds, result.versions)
        assert all(isinstance(mapping, dict) for mapping in (*told, result.summary))
        for name in result.signals:
            result.about_signal(name)
            assert result.signal(name).sizes["column"] == len(result.columns(name))
        for names in result.populations:
            spikes = result.spikes(*names)
            assert spikes.rate_hz(10 * result.tick_ms).sizes["time"] >= 0
        for role in result.roles:
            result.timing(role)
        summary_table(result)


def test_the_result_that_is_changed_is_good(run):
    read_all(run)


def refused(run, file, change, says):
    with h5py.File(run / file, "r+") as opened:
        change(opened)
    before = sorted(run.rglob("*"))
    with pytest.raises(ResultError) as caught:
        read_all(run)
    assert says in str(caught.value)
    assert str(run) in str(caught.value)
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("case", results.MAIN, ids=lambda case: case[0])
def test_a_changed_result_is_refused(run, case):
    _, change, says = case
    refused(run, "result.h5", change, says)


@pytest.mark.parametrize("case", results.RANKS, ids=lambda case: case[0])
def test_a_changed_file_of_a_rank_is_refused(run, case):
    name, change, says = case
    for file in ("rank-0000.h5", "rank-0001.h5"):
        with h5py.File(run / file) as opened:
            there = results.kind_of(name, opened)
        if there:
            refused(run, file, change, says)
            return
    pytest.fail("no file has what is to be changed")


@pytest.mark.parametrize("file", ["result.h5", "rank-0000.h5"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "Is a pipe"),
        (lambda p: p.mkdir(), "irectory|does not exist"),
        (lambda p: p.write_bytes(b""), "is no HDF5 file"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n"), "truncated"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 999), "cannot be opened"),
        (lambda p: p.write_bytes(b"\x80\x04cos\nsystem\n."), "is no HDF5 file"),
        (lambda p: p.symlink_to("/dev/zero"), "Is a device|leads out"),
        (lambda p: p.symlink_to(p.name), "ymbolic|ymlink"),
    ],
    ids=["pipe", "folder", "empty", "signature", "rubbish", "pickle", "device", "loop"],
)
def test_what_is_no_file_of_a_result_is_refused(run, file, make, says):
    (run / file).unlink()
    make(run / file)
    # A folder in the place of result.h5 may hold one.
    with pytest.raises(ResultError, match=says):
        read_all(run if file != "result.h5" else run / file)


def test_a_link_of_the_file_system_leads_nowhere_else(run, tmp_path):
    (run / "rank-0000.h5").rename(tmp_path / "elsewhere.h5")
    (run / "rank-0000.h5").symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(ResultError, match="leads out of its folder"):
        read_all(run)


@pytest.mark.parametrize("share", [i / 12 for i in range(12)])
@pytest.mark.parametrize("file", ["result.h5", "rank-0000.h5", "rank-0001.h5"])
def test_a_torn_file_is_refused(run, file, share):
    whole = (run / file).read_bytes()
    (run / file).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ResultError):
        read_all(run)


@pytest.mark.parametrize("size", [0, 8, 2**64 - 16, 2**40])
def test_a_heap_of_texts_that_the_library_would_not_leave_is_refused(run, size):
    whole = bytearray((run / "result.h5").read_bytes())
    at = whole.index(b"GCOL") + 16
    # The first object becomes free space of that size.
    whole[at : at + 16] = bytes(8) + size.to_bytes(8, "little")
    (run / "result.h5").write_bytes(whole)
    with pytest.raises(ResultError, match="heap of texts"):
        open_result(run)


FUZZ = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from test_hostile_results import MEMORY_BYTES, fuzz
resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
fuzz(Path(sys.argv[1]))
"""


def fuzz(run):
    """Read results with changed bytes; to be called where a crash of HDF5 does no harm."""
    whole = {path.name: path.read_bytes() for path in run.iterdir()}

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck),
              database=None)
    @given(st.data())
    def check(data):
        name = data.draw(st.sampled_from(sorted(whole)))
        content = bytearray(whole[name])
        # Most of what HDF5 interprets stands in front.
        places = st.integers(0, len(content) - 1) | st.integers(0, 6000)
        junk = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, bytes(8)])
        for place, part in data.draw(st.lists(st.tuples(places, junk), min_size=1, max_size=5)):
            content[place : place + len(part)] = part
        (run / name).write_bytes(content)
        with contextlib.suppress(ResultError):
            read_all(run)
        (run / name).write_bytes(whole[name])

    check()


def test_a_result_with_changed_bytes_is_refused_or_read(run):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FUZZ, str(run)], capture_output=True, text=True,
        timeout=120, check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
