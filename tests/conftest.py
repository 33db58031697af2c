"""Guards over all tests: nothing outlives a test, and continuous integration skips nothing.

A skip is tolerated under ``COSIM_CI=1`` only if its reason begins with ``optional:``.

``make test`` runs tests in two processes. All that start jobs stay in one of them, so that there is
never more than one job; of the others a module stays in one, for what its tests share.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, not of the code.
settings.register_profile("cosim", deadline=None)
settings.load_profile("cosim")

GRACE_S = 3.0
#: Folders of tests that start jobs.
JOBS = ("failure", "mpi")
MARK = f"COSIM_TEST_SESSION={os.getpid()}"


def pytest_configure():
    # Whatever a test starts inherits it, so orphans, such as ranks whose launcher was killed,
    # are found too.
    name, value = MARK.split("=")
    os.environ[name] = value


def pytest_collection_modifyitems(items):
    for item in items:
        group = "jobs" if item.path.parent.name in JOBS else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def descendants():
    """Return the command lines of all living processes that these tests started, by number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if ours(folder):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found[int(folder.name)] = line
    # Python's own helper of multiprocessing lives as long as the session.
    return {pid: line for pid, line in found.items() if line and "resource_tracker" not in line}


def ours(folder):
    """Return whether a process of ``/proc`` is marked, or forked from this very process."""
    parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
    marked = MARK.encode() in (folder / "environ").read_bytes().split(b"\0")
    return marked or int(parent) == os.getpid()


def leftovers(threads, processes):
    """Name the threads and processes that were not there before."""
    late = [f"thread {t.name}" for t in threading.enumerate() if t not in threads]
    return late + [f"process {p}: {c}" for p, c in descendants().items() if p not in processes]


@pytest.fixture(autouse=True)
def nothing_outlives_the_test():
    threads, processes = threading.enumerate(), set(descendants())
    yield
    deadline = time.monotonic() + GRACE_S
    while leftovers(threads, processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    late = leftovers(threads, processes)
    for pid in set(descendants()) - processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not late, "outlived the test: " + "; ".join(late)


def refuse_skip(report):
    """Turn a skip into a failure, unless it is declared optional or expected to fail."""
    if os.environ.get("COSIM_CI") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not reason.startswith("optional:"):
        report.outcome = "failed"
        report.longrepr = f"COSIM_CI=1 allows no skip: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return refuse_skip((yield))
