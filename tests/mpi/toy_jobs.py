"""Jobs under ``mpirun`` that cannot outlive their test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
import toy_cases

from cosim_launch import Layout, find_mpirun, launch_command, local_cores, without_launcher

#: Names a file that a toy touches when it breaks.
MARK = "TOY_FAULT_MARK"
#: How long processes of a job may still be around after its launcher has ended.
GRACE_S = 5.0
#: How long a launcher may take that was asked to end, before it is killed.
STOP_S = 5.0


@dataclass(frozen=True)
class Ended:
    """What became of a job."""

    code: int
    out: str
    err: str
    ended_s: float  # since the epoch
    took_s: float
    mark: Path

    @property
    def first_line(self):
        """The first line with anything on it that went to standard error."""
        return next((line for line in self.err.splitlines() if line.strip()), "")

    @property
    def first_word(self):
        """The first line of ours; launchers are sometimes faster when a rank dies suddenly."""
        return next((line for line in self.err.splitlines() if line.startswith("cosim: ")), "")

    @property
    def since_fault_s(self):
        return self.ended_s - self.mark.stat().st_mtime


class Running:
    """A job under way; see `running`."""

    def __init__(self, argv, folder, environ):
        self.name = f"TOY_JOB={uuid.uuid4().hex}"
        self._logs = folder / "stdout.txt", folder / "stderr.txt"
        self.mark = folder / "fault.mark"
        environ = toy_cases.on_path(without_launcher({**os.environ, **environ}))
        environ |= dict([self.name.split("=")]) | {MARK: str(self.mark)}
        self._begin_s = time.monotonic()
        with self._logs[0].open("wb") as out, self._logs[1].open("wb") as err:
            self.process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                # A shell may run the tests in the background, where it ignores interrupts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def members(self):
        """Return the numbers of the living processes of the job, by inherited environment."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.name.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def ranks(self):
        """Return the number of each rank's process."""
        found = {}
        for pid in self.members():
            with contextlib.suppress(OSError):
                pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                variables = dict(p.decode().split("=", 1) for p in pairs if b"=" in p)
                rank = variables.get("PMI_RANK", variables.get("OMPI_COMM_WORLD_RANK"))
                if rank is not None:
                    found[pid] = int(rank), _parent(pid)
        # A rank's sentinel is its child, and has inherited its environment.
        return {rank: pid for pid, (rank, parent) in found.items() if parent not in found}

    def wait(self, limit_s):
        """Wait for the end; fail if it does not come in time, or leaves processes behind."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self._said()
            pytest.fail(f"the job still ran after {limit_s} s; it said:\n{out}\n{err}")
        ended_s, took_s = time.time(), time.monotonic() - self._begin_s
        deadline = time.monotonic() + GRACE_S
        while (left := self.members()) and time.monotonic() < deadline:
            time.sleep(0.02)
        lines = [
            Path(f"/proc/{p}/cmdline").read_bytes() for p in left if Path(f"/proc/{p}").exists()
        ]
        out, err = self._said()
        assert not lines, f"the job left {lines} behind; it said:\n{out}\n{err}"
        return Ended(code, out, err, ended_s, took_s, self.mark)

    def kill(self):
        """End everything, launcher first: ranks of some launchers survive its sudden death."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
        while left := self.members():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.02)
        self.process.wait()

    def _said(self):
        # Some launchers write NUL bytes into their banners.
        return [f.read_text(errors="replace").replace("\0", "") for f in self._logs]


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@contextlib.contextmanager
def running(argv, folder, **environ):
    """Start a job in a session of its own; whatever happens, it is over at the end."""
    job = Running(argv, folder, environ)
    try:
        yield job
    finally:
        job.kill()


def run_job(argv, folder, *, limit_s=60.0, **environ):
    """Run a job to its end."""
    with running(argv, folder, **environ) as job:
        return job.wait(limit_s)


def mpirun(ranks, program):
    """Return command line and variables that start a program on some ranks of this machine."""
    layout = Layout(ranks, (1,) * ranks, 1, local_cores())
    command = launch_command(find_mpirun(), layout, program)
    return command.argv, dict(command.env)


def run_ranks(ranks, program, folder, *, limit_s=60.0):
    """Run a program under ``mpirun`` to its end."""
    argv, environ = mpirun(ranks, program)
    return run_job(argv, folder, limit_s=limit_s, **environ)
