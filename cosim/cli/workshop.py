"""Short runs of a scenario, to measure with."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosim.cli.launching import program
from cosim.cli.running import allowing, console
from cosim.costs.fit import message_cost
from cosim.errors import CosimError
from cosim.patience import cores
from cosim.plan.model import Plan
from cosim.results import open_result
from cosim.results.profile import Profile, profile_of
from cosim.tapes.reel import tape_path
from cosim_launch import Layout, find_mpirun, launch_command, without_launcher

#: Windows that a run has at least, and how long it is at least.
WINDOWS, LEAST_MS = 16, 60.0
#: How much longer runs under mpirun are, since ranks come and go in turns.
RANKS_LONGER = 4


@dataclass(frozen=True)
class Measured:
    """What came of one run: its account, and bytes that crossed channels with spikes, by name."""

    account: Profile
    bytes_per_ms: dict[str, float]


class Workshop:
    """Runs the scenario for a while, mostly in one process, where roles take turns."""

    def __init__(self, scenario: Path, folder: Path, asked_ms: float | None) -> None:
        self.scenario, self._folder, self._asked_ms = scenario, folder, asked_ms
        self._count = 0

    def run(self, window_ms: float, threads: dict[str, int]) -> Measured:
        """Run it for a while, say so, and return its account."""
        most = max(threads.values(), default=1)
        beside = f", {most} threads" if most > 1 else ""
        console().print(f"windows of {window_ms:g} ms{beside}", highlight=False)
        self._count += 1
        length_ms = self._asked_ms or max(WINDOWS * window_ms, LEAST_MS)
        duration_ms = max(math.ceil(length_ms / window_ms - 1e-9), 2) * window_ms
        changed: dict[str, Any] = {
            "base": str(self.scenario.resolve()), "duration": f"{duration_ms:.9g} ms",
            "window": f"{window_ms:.9g} ms", "record": {"tapes": True},
        }
        if threads:
            changed["models"] = {model: {"threads": n} for model, n in threads.items()}
        file = self._folder / f"{self._count}.yaml"
        file.write_text(json.dumps(changed), encoding="utf-8")
        run_dir = self._folder / f"run-{self._count}"
        _execute(
            [*program(), "run", str(file), "--serial", "--no-picture", "-q", "--run-dir",
             str(run_dir), *allowing()],
            {"OMP_NUM_THREADS": "1"},
        )
        with open_result(run_dir) as result:
            account, channels = profile_of(result), result.plan["channels"]
        spikes = {
            str(c["name"]): tape_path(run_dir / "tapes", c["name"]).stat().st_size / duration_ms
            for c in channels if not c["rows"]
        }
        return Measured(account, spikes)

    def run_ranks(self, plan: Plan) -> Profile:
        """Run it under mpirun as planned, but not longer than needed, and return its account."""
        console().print(f"{plan.ranks} ranks", highlight=False)
        self._count += 1
        window_ms = plan.clock.ms(plan.clock.window)
        run_dir = self._folder / f"run-{self._count}"
        _execute(
            [*program(), "run", str(self.scenario), "--ranks", str(plan.ranks), "--no-picture",
             "-q", "--window", f"{window_ms:.9g} ms", "--duration",
             f"{RANKS_LONGER * self._duration_ms(window_ms):.9g} ms", "--run-dir", str(run_dir),
             *allowing()],
            {},
        )
        with open_result(run_dir) as result:
            return profile_of(result)

    def _duration_ms(self, window_ms: float) -> float:
        length_ms = self._asked_ms or max(WINDOWS * window_ms, LEAST_MS)
        return max(math.ceil(length_ms / window_ms - 1e-9), 2) * window_ms


def messages() -> tuple[float, float]:
    """Return the seconds that a message between two ranks takes, and each of its bytes."""
    layout = Layout(2, (1, 1), 1, max(cores(), 1))
    arguments = (sys.executable, "-m", "cosim.costs.exchange")
    command = launch_command(find_mpirun(), layout, arguments)
    said = json.loads(_execute(list(command.argv), dict(command.env)))
    return message_cost(said["bytes"], said["seconds"])


def _execute(arguments: list[str], environ: dict[str, str]) -> str:
    """Run a program and return what it prints."""
    done = subprocess.run(
        arguments, env={**without_launcher(os.environ), **environ}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise CosimError(f"a run to measure with failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
