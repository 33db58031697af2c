"""Measure the compiled loop against tvb-library's own: ``python -m cosim_tvb.compiled``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from cosim_tvb import library
from cosim_tvb.compiled.loop import CompiledLoop
from cosim_tvb.compiled.support import MODELS
from cosim_tvb.facts import third_party_models

_STEP_MS, _SPEED_M_PER_S = 0.1, 4.0
#: How long each of the two is measured at a time, about.
_TURN_S = 0.2


def brain(regions: int, density: float = 0.2) -> library.Untyped:
    """Return TVB's default connectome for 76 regions, otherwise a random one.

    The random one has regions in a cube of 14 cm, joined with a probability of `density`.
    """
    if regions == 76:
        return library.Connectivity.from_file()
    rng = np.random.default_rng(0)
    shape = (regions, regions)
    weights = np.where(rng.uniform(size=shape) < density, rng.uniform(0.1, 1.0, shape), 0.0)
    np.fill_diagonal(weights, 0.0)
    centres = rng.uniform(-70.0, 70.0, (regions, 3))
    return library.Connectivity(
        weights=weights,
        tract_lengths=np.linalg.norm(centres[:, np.newaxis] - centres, axis=2),
        centres=centres,
        region_labels=np.array([f"R{i}" for i in range(regions)]),
    )


def simulator(model: str, connectivity: library.Untyped, stochastic: bool) -> library.Untyped:
    """Return tvb's configured simulator of a model as it is by default, without monitors."""
    if model in third_party_models():
        cls = third_party_models()[model].load()
    else:
        cls = library.model_class(model)
    integrator = library.integrators.HeunDeterministic(dt=_STEP_MS)
    if stochastic:
        noise = library.noise.Additive(nsig=np.array([1e-9]))
        integrator = library.integrators.HeunStochastic(dt=_STEP_MS, noise=noise)
    built = library.Simulator(
        model=cls(),
        coupling=library.coupling.Linear(a=np.array([1e-4])),
        integrator=integrator,
        connectivity=connectivity,
        conduction_speed=_SPEED_M_PER_S,
        monitors=(),
        simulation_length=_STEP_MS,
    )
    built.configure()
    return built


def measure(
    model: str, connectivity: library.Untyped, window: int, repeats: int, stochastic: bool = False
) -> tuple[float, float]:
    """Return the seconds that a step takes in tvb-library and compiled, the best of some turns.

    Parameters
    ----------
    model
        Name of a model.
    connectivity
        The connectome.
    window
        Steps that the compiled loop takes at once.
    repeats
        Turns of each, one after the other.
    stochastic
        Whether there is noise, drawn by TVB.
    """
    theirs = simulator(model, connectivity, stochastic)
    ours = simulator(model, connectivity, stochastic)
    variables, regions, _ = ours.current_state.shape
    loop = CompiledLoop(
        ours, ours.connectivity.weights, np.empty(0, np.int64), np.empty((variables, 0, 1))
    )
    trace = np.empty((window, variables, regions, 1))
    inputs = np.empty((window, loop.inputs, regions, 1))

    def step_by_step(steps: int) -> None:
        for _ in theirs(n_steps=steps):
            pass

    def window_by_window(steps: int) -> None:
        for _ in range(steps // window):
            loop.advance(trace, inputs)

    found = np.empty((repeats, 2))
    with np.errstate(all="ignore"):
        calls = [(run, _steps_of_a_turn(run, window)) for run in (step_by_step, window_by_window)]
        for row in found:
            for i, (run, steps) in enumerate(calls):
                row[i] = _seconds(run, steps) / steps
    best = found.min(axis=0)
    return float(best[0]), float(best[1])


def _seconds(run: Callable[[int], None], steps: int) -> float:
    begin_s = time.perf_counter()
    run(steps)
    return time.perf_counter() - begin_s


def _steps_of_a_turn(run: Callable[[int], None], window: int) -> int:
    run(window)
    return window * max(1, round(_TURN_S / max(_seconds(run, window), 1e-6)))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m cosim_tvb.compiled", description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), metavar="model")
    parser.add_argument("--regions", type=int, default=76)
    parser.add_argument("--window", type=int, default=20, help="steps of 0.1 ms")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--noise", action="store_true", help="integrate with HeunStochastic")
    given = parser.parse_args()
    connectivity = brain(given.regions)
    edges = np.count_nonzero(connectivity.weights)
    print(f"{given.regions} regions, {edges} edges, windows of {given.window} steps of 0.1 ms")
    print(f"{'model':36}{'TVB us/step':>12}{'compiled':>10}{'times faster':>14}")
    for model in given.models:
        theirs, ours = measure(model, connectivity, given.window, given.repeats, given.noise)
        ratio = theirs / ours
        print(f"{model:36}{theirs * 1e6:12.1f}{ours * 1e6:10.2f}{ratio:14.1f}", flush=True)


if __name__ == "__main__":
    main()
