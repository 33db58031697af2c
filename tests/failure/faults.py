"""Faults in any role at any window, drawn by seed, and what has to come of them.

A `Course` begins a run of toys, lets a fault strike, goes on, lets another one strike, and so on,
and compares the end with a run that was left alone. After each fault it asserts that the job ended
soon and named the cause, that no process is left, and that what was recorded is the beginning of
what would have been. ``test_faults.py`` takes a short course, the script ``many_faults.py`` long
ones.
"""

import json
import os
import re
import signal
import time
from dataclasses import dataclass

import toy_cases
import toy_jobs

from cosim.plan.build import open_case

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
SPIKING, FIELD = "R0", "field"
INTO_FIELD, INTO_SPIKES = "R0.all.to.field", "R0.all.in0"
ROLES = (SPIKING, FIELD, INTO_FIELD, INTO_SPIKES)
WINDOWS = 80
COMMON = {"window": "0.5 ms", "duration": "40 ms"}
#: From the first of these on, the result is there even if rank 0 is the slowest of all.
FIRST = 6
#: Longest time from a fault to the end of the job, on a machine that is not overloaded.
SOON_S = 10.0
LIMIT_S = 180
QUIET = ("--no-picture", "-q")
#: Short, for `stop`: a rank that waits this long asks why.
WAIT_LIMIT = ("--wait-limit", "1 s")
#: Latest moment of a shot, in seconds after the ranks are there.
LAST_SHOT_S = 6.0

#: What a role that breaks says of itself.
SAID = {
    "raise": "ArithmeticError: the toy broke",
    "leave": "SystemExit: 3",
    "full": r"run/\S+ cannot be written: it would be larger than .*",
}
SUDDEN = ("kill", "exit")
#: A toy does these to itself; `shot` comes from outside, at any time.
KINDS = (*SAID, *SUDDEN, "stop", "delay")


@dataclass(frozen=True)
class Fault:
    """One fault: of which kind, in which role, and when."""

    kind: str
    role: str = ""
    window: int = -1
    after_s: float = 0.0

    def __str__(self):
        if self.kind == "shot":
            return f"shot of rank {self.role} after {self.after_s:.2f} s"
        return f"{self.kind} in {self.role} in window {self.window}"


def drawn(dice, kinds=KINDS, roles=ROLES):
    """Draw a fault."""
    kind = dice.choice(kinds)
    if kind == "shot":
        return Fault(kind, dice.randrange(3), after_s=dice.uniform(0.0, LAST_SHOT_S))
    return Fault(kind, dice.choice(roles), dice.randrange(FIRST, WINDOWS - FIRST))


def write(folder, *, pause_s=0.02):
    """Write the scenario, of toys that start quickly; return its path."""
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    path = toy_cases.scenario(folder, REGIONS, field={"pause_s": pause_s}, **COMMON)
    data = json.loads(path.read_text())
    spiking = data["models"]["spiking"]
    spiking["sends"][0]["through"] = {"toy_leaky": {}}
    spiking["receives"][0]["through"] = {"toy_trains": {"trains": "one_per_neuron"}}
    path.write_text(json.dumps(data, indent=1))
    return path


def reference(folder):
    """Return what a run that is left alone records."""
    return toy_cases.serial(write(folder, pause_s=0.0), folder / "run")


@dataclass(frozen=True)
class Told:
    """What came of a fault."""

    fault: Fault
    ranks: int
    code: int
    end_s: float  # from the fault to the end of the job
    line: str

    def __str__(self):
        return f"{self.fault} of {self.ranks} ranks: code {self.code} after {self.end_s:.1f} s"


class Course:
    """One run on its way through its faults.

    Parameters
    ----------
    folder
        An empty folder.
    whole
        What a run without faults records; see `reference`.
    """

    def __init__(self, folder, whole):
        self._folder, self._whole = folder, whole
        self._path = write(folder)
        self.run = folder / "run"
        self._repeats = False

    def strike(self, fault, ranks=3):
        """Begin or go on, with a fault on the way; assert the outcome, and return it."""
        job = self._shot if fault.kind == "shot" else self._struck
        ended, end_s = job(fault, ranks)
        if fault.kind == "delay" or (fault.kind == "shot" and ended.code == 0):
            assert ended.code == 0, f"{fault}: {ended.err}"
            self.assert_whole()
        else:
            self._assert_told(fault, ranks, ended)
            self._assert_readable(fault)
        return Told(fault, ranks, ended.code, end_s, ended.first_word)

    def finish(self, ranks=3):
        """Go on to the end, and assert that it is what it would have been."""
        if self.over():
            return
        ended = self._job(ranks)
        assert ended.code == 0, ended.err
        self.assert_whole()

    def over(self):
        """Whether the run is complete."""
        if not (self.run / "result.h5").exists():
            return False
        return toy_cases.recorded(self.run)[0] == "complete"

    def assert_whole(self):
        """Assert that the run is complete and bit by bit what it should be."""
        status, found = toy_cases.recorded(self.run)
        assert status == "complete"
        assert toy_cases.differences(self._whole, found) == []
        assert not list(self.run.glob("earlier-*")), "the complete run holds all of it"

    def _command(self):
        self._repeats = (self.run / "request.json").exists()
        if self._repeats:
            return ("resume", "run", *QUIET)
        # A shot may come before there is anything to go on with.
        return ("run", "toy.yaml", "--run-dir", "run", "--overwrite", *QUIET)

    def _job(self, ranks, *options, **environ):
        program = (*toy_cases.program(), *self._command(), *options)
        argv, known = toy_jobs.mpirun(ranks, program)
        return toy_jobs.run_job(argv, self._folder, limit_s=LIMIT_S, **known, **environ)

    def _struck(self, fault, ranks):
        # What turns spikes into values converts the spikes of a window that its own lags behind.
        window = fault.window - self._lag() * (fault.role == INTO_FIELD)
        options = WAIT_LIMIT if fault.kind == "stop" else ()
        asked = f"{fault.kind} {fault.role} {window}"
        (self._folder / "fault.mark").unlink(missing_ok=True)
        ended = self._job(ranks, *options, TOY_FAULT=asked)
        return ended, ended.since_fault_s

    def _shot(self, fault, ranks):
        program = (*toy_cases.program(), *self._command())
        argv, known = toy_jobs.mpirun(ranks, program)
        with toy_jobs.running(argv, self._folder, **known) as job:
            deadline_s = time.monotonic() + LIMIT_S
            while len(job.ranks()) < ranks:
                assert time.monotonic() < deadline_s, "the ranks do not start"
                time.sleep(0.02)
            time.sleep(fault.after_s)
            pid = job.ranks().get(fault.role)
            begin_s = time.time()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            ended = job.wait(LIMIT_S)
            return ended, ended.ended_s - begin_s

    def _plan(self, ranks):
        return open_case(self._path, ranks=ranks)[1]

    def _lag(self):
        return {t.name: t for t in self._plan(3).transformers}[INTO_FIELD].fronts[0].lag

    def _assert_told(self, fault, ranks, ended):
        assert ended.code != 0, f"{fault}: nothing happened"
        if fault.kind == "shot":
            # Before it has a role, a rank has nobody who could speak for it but the launcher.
            assert ended.err.strip() or ended.out.strip(), fault
            return
        rank = self._rank(fault, ranks)
        line, role = ended.first_word, re.escape(fault.role)
        if fault.kind in SUDDEN:
            told = re.match(rf"cosim: rank {rank} \(role .*{role}.*\) in window (\d+) was ", line)
            assert told, f"{fault}: {ended.err}"
            assert self._around(int(told[1]), fault, ranks), f"{fault}: {line}"
        elif fault.kind == "stop":
            # Any role of the rank may be the one that is waited for, a little before or after.
            failed = rf"cosim: role (\S+) on rank {rank}\b.* failed in window (\d+)"
            said = rf"{failed}: waited \d+ s: \1 is stopped"
            told = re.match(said, line)
            assert told, f"{fault}: {ended.err}"
            assert self._around(int(told[2]), fault, ranks), f"{fault}: {line}"
        else:
            window = r"\d+" if fault.kind == "full" else fault.window
            # A full disk concerns all roles of a rank, which are named together.
            who = rf"role .*{role}.* on rank {rank}(, region .*)?"
            said = rf"cosim: {who} failed in window {window}: {SAID[fault.kind]}"
            assert re.match(said, line), f"{fault}: {ended.err}"

    def _around(self, window, fault, ranks):
        """Whether a window is that of a fault, as far as what speaks for a rank can know."""
        # Of several roles on a rank, the one that is least far counts; while they repeat the past,
        # none waits for another.
        apart = self._repeats and len(self._plan(ranks).roles_on(self._rank(fault, ranks))) > 1
        return (0 if apart else fault.window - 3) <= window <= fault.window + 3

    def _rank(self, fault, ranks):
        return self._plan(ranks).rank_of()[fault.role]

    def _assert_readable(self, fault):
        if fault.kind == "shot" and not any(self.run.rglob("result.h5")):
            return
        status, found = toy_cases.recorded(self.run)
        assert status.startswith(("failed: ", "unfinished")), f"{fault}: {status}"
        assert found.keys() == self._whole.keys(), fault
        for key, columns in found.items():
            for mine, whole in zip(columns, self._whole[key], strict=True):
                assert mine.tobytes() == whole[: len(mine)].tobytes(), f"{fault}: {key}"
