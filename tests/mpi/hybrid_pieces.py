"""Small hybrid brains on the real simulators: written, run, and read back bit by bit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import Result, open_result
from cosim.serial import run_serial
from cosim_launch import without_launcher

SPEED_M_PER_S = 4.0
LIMIT_S = 90.0

#: Two parts of three of the brain of tvb-data, none of them small.
HALVES = [
    {"match": "l*", "as": "cortex", "simulator": "left"},
    {"match": "rest", "as": "cortex", "simulator": "right"},
]
THIRDS = [
    {"match": "l*", "as": "cortex", "simulator": "left"},
    {"match": ["rV*", "rTC*", "rPFC*"], "as": "cortex", "simulator": "front and back"},
    {"match": "rest", "as": "cortex", "simulator": "rest of right"},
]
WHOLE = [{"match": "rest", "as": "cortex"}]


def write_brain(path: Path, delays_ms: Any, weights: Any) -> None:
    """Write a connectome with regions R0, R1, ...; matrices are [target, source]."""
    lengths = np.asarray(delays_ms, float) * SPEED_M_PER_S
    weights = np.asarray(weights, float)
    with zipfile.ZipFile(path, "w") as archive:
        for name, matrix in (("weights", weights), ("tract_lengths", lengths)):
            rows = [" ".join(repr(float(x)) for x in row) for row in matrix]
            archive.writestr(f"{name}.txt", "\n".join(rows))
        rows = [f"R{i} {i}.0 0.0 0.0" for i in range(len(weights))]
        archive.writestr("centres.txt", "\n".join(rows))


def write(
    folder: Path, regions: list[dict[str, Any]], models: Mapping[str, Any], **top: Any
) -> Path:
    """Write a scenario; its brain is ``brain.zip`` in the folder unless `top` says otherwise."""
    data = {
        "name": "hybrid",
        "seed": 7,
        "duration": "60 ms",
        "brain": {"connectome": "brain.zip", "conduction_speed": f"{SPEED_M_PER_S} m/s"},
        "regions": regions,
        "models": dict(models),
        **top,
    }
    path = folder / "hybrid.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


TVB_DATA = {
    "connectome": "tvb-data:connectivity_76.zip",
    "conduction_speed": f"{SPEED_M_PER_S} m/s",
    "weights": "scaled_by_maximum",
}


def wong_wang(*, stochastic: bool = False, **more: Any) -> dict[str, Any]:
    """Return a reduced Wong-Wang cortex that is recorded step by step and averaged."""
    integrator = {"HeunStochastic" if stochastic else "HeunDeterministic": {"dt": "0.1 ms"}}
    if stochastic:
        integrator["HeunStochastic"]["nsig"] = "1e-4"
    return {
        "engine": "tvb",
        "model": "ReducedWongWang",
        "parameters": {"w": 0.9, "I_o": 0.32},
        "coupling": {"Linear": {"a": 0.1}},
        "integrator": integrator,
        "activity": {"of": "S"},
        "initial": {"S": 0.2},
        "monitors": ["Raw", {"TemporalAverage": {"period": "1 ms"}}],
        **more,
    }


def integrating(**more: Any) -> dict[str, Any]:
    """Return a mean field that only adds up its input: dx/dt = coupling, starting at 0."""
    return {
        "engine": "tvb",
        "model": "Linear",
        "parameters": {"gamma": 0.0},
        "coupling": {"Linear": {"a": 1.0}},
        "integrator": {"EulerDeterministic": {"dt": "0.1 ms"}},
        "activity": {"of": "x"},
        "initial": {"x": 0.0},
        "monitors": ["Raw"],
        **more,
    }


def parrots(times_ms: list[float], size: int = 4, **more: Any) -> dict[str, Any]:
    """Return neurons that all fire 1 ms after the given times."""
    device = {
        "device": "spike_generator",
        "to": "all",
        "parameters": {"spike_times": times_ms},
        "synapse": {"weight": 1.0, "delay": "1 ms"},
    }
    populations = {"all": {"model": "parrot_neuron", "size": size}}
    return {"engine": "nest", "network": {"populations": populations, "devices": [device]}, **more}


def two_models(folder: Path, fast_dt: str) -> Path:
    """Write a brain of two kinds of mean field, of which one may have longer steps.

    R0 and R1 are of the slow kind, R2 and R3 of the fast one; every tract joins one of each.
    """
    delays_ms, weights = np.full((4, 4), 9.0), np.zeros((4, 4))
    for source, target, delay_ms in ((0, 2, 3.0), (1, 3, 4.6), (2, 0, 5.0), (3, 1, 3.8)):
        delays_ms[target, source], weights[target, source] = delay_ms, 0.5
    write_brain(folder / "brain.zip", delays_ms, weights)
    fast = {
        "engine": "tvb",
        "model": "WilsonCowan",
        "coupling": {"Linear": {"a": 2.0}},
        "parameters": {"P": 0.5},
        "integrator": {"HeunStochastic": {"dt": fast_dt, "nsig": {"E": "1e-5"}}},
        "activity": {"of": "E"},
        "monitors": ["Raw"],
        "translate": [{"from": ["slow"], "as": "E", "gain": 0.7}],
    }
    slow = wong_wang(
        stochastic=True,
        initial={"S": [0.1, 0.4]},
        coupling={"Linear": {"a": 0.4}},
        translate=[{"from": ["fast"], "as": "S", "gain": 0.2}],
    )
    rules = [{"match": ["R0", "R1"], "as": "slow"}, {"match": "rest", "as": "fast"}]
    return write(folder, rules, {"slow": slow, "fast": fast})


@dataclass(frozen=True)
class Kept:
    """Everything that a run recorded but its timing, and what it told the user."""

    arrays: Mapping[str, tuple[np.ndarray, ...]]
    notes: tuple[str, ...]
    plan: Mapping[str, Any]
    summary: Mapping[str, Any]

    def signal(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self.arrays[name]

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of a column, named ``signal:column``, or of the only one there is."""
        signal, _, column = name.partition(":")
        time_ms, values, columns = self.arrays[signal]
        place = columns.tolist().index(column) if column else 0
        assert column or values.shape[1] == 1
        return time_ms, values[:, place]

    def spikes(self, region: str, population: str) -> tuple[np.ndarray, np.ndarray]:
        return self.arrays[f"spikes {region}/{population}"]

    def train(self, region: str, transformer: str) -> tuple[np.ndarray, np.ndarray]:
        return self.arrays[f"train {region}/{transformer}"]

    def transformer(self, name: str) -> Mapping[str, Any]:
        return next(t for t in self.plan["transformers"] if t["name"] == name)

    def first_change_ms(self, name: str) -> float:
        """Time of the first row that differs from the row at the beginning."""
        time_ms, values = self.column(name)
        changed = np.flatnonzero(values != values[0])
        assert len(changed), f"{name} never changes"
        return float(time_ms[changed[0]])


def kept(path: Path) -> Kept:
    with open_result(path) as result:
        assert result.status == "complete"
        return Kept(_arrays(result), tuple(result.summary["notes"]), result.plan, result.summary)


def _arrays(result: Result) -> dict[str, tuple[np.ndarray, ...]]:
    found: dict[str, tuple[np.ndarray, ...]] = {}
    for name in result.signals:
        signal = result.signal(name)
        found[name] = (signal.time.values, signal.values, signal.column.values)
    for kind, names, read in (
        ("spikes", result.populations, result.spikes),
        ("train", result.trains, result.train),
    ):
        for region, name in names:
            trains = read(region, name)
            found[f"{kind} {region}/{name}"] = (trains.time_ms, trains.sender)
    return found


def differences(one: Kept, other: Kept) -> list[str]:
    """Name the recordings in which two runs differ in a single bit."""
    mine, theirs = one.arrays, other.arrays
    bad = sorted(mine.keys() ^ theirs.keys())
    for key in sorted(mine.keys() & theirs.keys()):
        same = all(
            a.shape == b.shape and (a == b).all()
            for a, b in zip(mine[key], theirs[key], strict=True)
        )
        bad += [] if same else [key]
    return bad


def serial(path: Path, **overrides: Any) -> Kept:
    """Run a scenario in this process."""
    case, plan = open_case(path, overrides)
    folder = path.parent / f"serial-{len(list(path.parent.iterdir()))}"
    run_serial(case, plan, RunDir.create("hybrid", folder), Progress(plan.clock, None))
    return kept(folder)


def cosim(*arguments: object, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess[str]:
    """Run the command line in a session of its own, all of which ends with it."""
    argv = [sys.executable, "-m", "cosim", *map(str, arguments)]
    with subprocess.Popen(
        argv,
        env=without_launcher(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as job:
        try:
            out, err = job.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGTERM)
            try:
                out, err = job.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(job.pid, signal.SIGKILL)
                out, err = job.communicate()
            pytest.fail(f"still ran after {limit_s} s; it said:\n{out}\n{err}")
    return subprocess.CompletedProcess(argv, job.returncode, out, err)


def mpi(path: Path, *options: object) -> Kept:
    """Run a scenario under mpirun by the command line."""
    folder = path.parent / f"mpi-{len(list(path.parent.iterdir()))}"
    done = cosim("run", path, "--run-dir", folder, "--no-picture", "-q", *options)
    assert done.returncode == 0, done.stderr
    return kept(folder)
