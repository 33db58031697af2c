"""Brains and scenarios for the toys, and what a run of one left behind."""

import json
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.serial import run_serial
from cosim.simulator import engines
from cosim.transformers.base import transformers

TOY = Path(__file__).parents[1] / "toy"
SPEED_M_PER_S = 4.0


@contextmanager
def installed():
    """Let this very process find the toys as if they were installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOY)
        engines.cache_clear()
        transformers.cache_clear()
        yield
    engines.cache_clear()
    transformers.cache_clear()


def on_path(environ):
    """Return the environment in which other processes find the toys."""
    paths = [str(TOY), *filter(None, [environ.get("PYTHONPATH")])]
    return {**environ, "PYTHONPATH": ":".join(paths)}


def write_brain(path, delays_ms, weights):
    """Write a connectome whose tracts take the given times, [target, source]."""
    count = len(weights)
    with zipfile.ZipFile(path, "w") as archive:
        for name, matrix in (("weights", weights), ("tract_lengths", delays_ms * SPEED_M_PER_S)):
            rows = [" ".join(repr(float(x)) for x in row) for row in matrix]
            archive.writestr(f"{name}.txt", "\n".join(rows))
        archive.writestr("centres.txt", "\n".join(f"R{i} {i}.0 0.0 0.0" for i in range(count)))


def random_brain(path, regions, seed, *, shortest_ms=2.0, longest_ms=15.0, density=0.7, without=()):
    """Write a brain with some edges missing, those `without` [target, source] among them."""
    draw = np.random.default_rng(seed)
    weights = draw.uniform(0.2, 1, (regions, regions))
    weights *= draw.random((regions, regions)) < density
    for edge in without:
        weights[edge] = 0
    delays_ms = draw.uniform(shortest_ms, longest_ms, (regions, regions))
    np.fill_diagonal(weights, 0)
    np.fill_diagonal(delays_ms, 0)
    write_brain(path, delays_ms, weights)


def scenario(folder, regions, *, field=None, spiking=None, rate=None, relayed=False, **top):
    """Write a scenario of toys and return its path.

    Parameters
    ----------
    regions
        Region rules.
    field, spiking, rate
        More keys of the two models, and of what turns spikes into rates.
    relayed
        Whether networks send each other their very spikes, not trains with their rate.
    top
        More keys of the scenario.
    """
    through = {"toy_rate": {"kernel": "exponential", "tau": "5 ms", **(rate or {})}}
    among = {"through": "relay"} if relayed else {"gain": 20.0}
    data = {
        "name": "toy",
        "seed": 1,
        "duration": "20 ms",
        "window": "auto",
        "brain": {"connectome": "brain.zip", "conduction_speed": f"{SPEED_M_PER_S} m/s"},
        "regions": regions,
        "models": {
            "field": {"engine": "toy_field", "activity": {"of": "x"}, **(field or {})},
            "spiking": {
                "engine": "toy_spikes",
                "receives": [
                    {
                        "population": "all",
                        "from": ["field"],
                        "gain": "800 Hz",
                        "background": "20 Hz",
                    },
                    {"population": "all", "from": ["spiking"], **among},
                ],
                "sends": [
                    {
                        "population": "all",
                        "to": ["field", "spiking"],
                        "as": "x",
                        "through": through,
                        "gain": "0.01 /Hz",
                    }
                ],
                **(spiking or {}),
            },
        },
        "record": {"trains": True},
        **top,
    }
    path = folder / "toy.yaml"
    path.write_text(json.dumps(data, indent=1))
    return path


def recorded(path):
    """Return everything a run recorded but its timing."""
    found = {}
    with open_result(path) as result:
        for name in result.signals:
            signal = result.signal(name)
            found[name] = (signal.time.values, signal.values)
        for region, population in result.populations:
            spikes = result.spikes(region, population)
            found[region, population] = (spikes.time_ms, spikes.sender)
        for region, name in result.trains:
            train = result.train(region, name)
            found[region, name, "train"] = (train.time_ms, train.sender)
        status = result.status
    return status, found


def by_column(path, found):
    """Return the fields' own recordings by what the columns are."""
    states = {}
    with open_result(path) as result:
        for name in result.signals:
            if name.endswith("/Raw"):
                columns = zip(result.columns(name), found[name][1].T, strict=True)
                states |= {column: np.ascontiguousarray(values) for column, values in columns}
    return states


def differences(one, other):
    """Name the recordings in which two runs differ in a single bit."""
    bad = sorted(map(str, one.keys() ^ other.keys()))
    for key in one.keys() & other.keys():
        for mine, theirs in zip(one[key], other[key], strict=True):
            if mine.dtype != theirs.dtype or mine.tobytes() != theirs.tobytes():
                bad.append(str(key))
    return bad


def serial(path, run_dir, **overrides):
    """Run a scenario in this process; return what it recorded."""
    case, plan = open_case(path, overrides)
    run_serial(case, plan, RunDir.create("toy", run_dir), Progress(plan.clock, None))
    status, found = recorded(run_dir)
    assert status == "complete"
    return found


def program():
    """Return the tokens that start the command line in this Python environment."""
    return (sys.executable, "-m", "cosim")


def check_timing(run_dir):
    """Check that the recorded times of all roles are possible."""
    with open_result(run_dir) as result:
        wall_s = result.summary["wall_s"]
        windows = round(result.duration_ms / result.window_ms)
        assert result.roles
        for role in result.roles:
            rows = result.timing(role)
            count = len(rows.window)
            assert count >= windows, role
            assert (rows.window.values == np.arange(count)).all(), role
            for name in ("wait_s", "exchange_s", "compute_s"):
                assert (rows[name].values >= 0).all(), (role, name)
            begin_s = rows.begin_s.values
            end_s = begin_s + rows.wait_s.values + rows.exchange_s.values + rows.compute_s.values
            # A role turns to a window, waits for it and works on it after the one before.
            assert (begin_s[1:] - end_s[:-1] > -1e-6).all(), role
            assert end_s[-1] <= wall_s, role
