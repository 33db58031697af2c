"""A brain in one piece in plain tvb-library, and the same brain in pieces that exchange states.

The whole brain is built here from tvb-library alone, so that the adapter is compared with what
TVB itself computes. The pieces are driven by a loop written here, so that the adapter is tested
without the project's own loop.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cosim.clock import Clock
from cosim.ports import ProxyIn, StateOut
from cosim.simulator import Brain, SimulatorSpec
from cosim_tvb import ENGINE, library  # quiet import of tvb comes first

DT_MS = 0.1
TICK_NS = 50_000  # two ticks a step, so that ticks and steps cannot be confused
STEP = 2
SEED = 11


def config(model="ReducedWongWang", integrator="HeunDeterministic", **entry):
    given = entry.pop("integration", {})
    return ENGINE.config_model().model_validate(
        {
            "engine": "tvb",
            "model": model,
            "integrator": {integrator: {"dt": f"{DT_MS} ms", **given}},
            **entry,
        }
    )


def random_brain(regions=9, seed=0, shortest_mm=4.0, density=0.6):
    """Tracts of at least `shortest_mm`, and self-connections without any delay."""
    rng = np.random.default_rng(seed)
    shape = (regions, regions)
    weights = rng.uniform(0.1, 1.0, shape) * (rng.uniform(size=shape) < density)
    lengths = rng.uniform(shortest_mm, 30.0, shape)
    np.fill_diagonal(lengths, 0.0)
    labels = tuple(f"{'lr'[i % 2]}{i:02d}" for i in range(regions))
    return Brain(labels, weights, lengths, rng.uniform(size=(regions, 3)), 3.0)


def clock(n, steps):
    """Windows of n steps that cover at least so many steps."""
    windows = -(-steps // n)
    return Clock(TICK_NS, n * STEP, windows * n * STEP)


def idelays(brain):
    return np.rint(brain.delays_ms() / DT_MS).astype(int)


class Memory:
    """A recorder that keeps everything."""

    def __init__(self):
        self.signals: dict[str, Kept] = {}

    def signal(self, name, columns, unit, **about):
        self.signals[name] = Kept(tuple(columns), unit, about)
        return self.signals[name]

    def spikes(self, region, population, size):
        raise AssertionError("a mean-field simulator has no spikes")


@dataclass
class Kept:
    columns: tuple[str, ...]
    unit: str
    about: Mapping[str, object]
    times: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    def append(self, time_ms, values):
        assert time_ms.shape == (len(values),)
        assert values.shape == (len(time_ms), len(self.columns))
        assert values.dtype == np.float64
        self.times.extend(time_ms.tolist())
        self.rows.extend(np.array(values))

    @property
    def values(self):
        return np.array(self.rows)


@dataclass
class Channel:
    source: int
    target: int
    out: StateOut
    into: ProxyIn
    lag: int
    queue: deque = field(default_factory=deque)


class Pieces:
    """Instances that own parts of a brain, each poisoned where it owns nothing."""

    def __init__(
        self,
        entry,
        brain: Brain,
        parts: Sequence[Sequence[int]],
        time: Clock,
        extra_outputs: Mapping[int, Sequence] | None = None,
        poison: float | None = 1e6,
        smaller_lag: bool = False,
    ):
        self.time = time
        self.channels = self._plan(entry, brain, parts, smaller_lag)
        self.memories = [Memory() for _ in parts]
        self.simulators = []
        for i, part in enumerate(parts):
            outputs = [c.out for c in self.channels if c.source == i]
            spec = SimulatorSpec(
                name=f"part{i}",
                model="cortex",
                config=entry,
                regions=tuple(part),
                brain=brain,
                clock=time,
                seed=SEED,
                inputs=tuple(c.into for c in self.channels if c.target == i),
                outputs=(*outputs, *(extra_outputs or {}).get(i, ())),
                record_spikes={},
            )
            self.simulators.append(ENGINE.create(spec))
            self.simulators[-1].prepare(self.memories[i])
            if poison is not None:
                self._poison(i, part, poison)
        for c in self.channels:
            c.queue.extend(self.simulators[c.source].prime(c.out.name, c.lag))

    def _plan(self, entry, brain, parts, smaller_lag):
        channels = []
        n = self.time.window // STEP
        variables = ENGINE.coupling_variables(entry)
        for t, targets in enumerate(parts):
            for s, sources in enumerate(parts):
                seen = [r for r in sources if brain.weights[np.array(targets), r].any()]
                if s == t or not seen:
                    continue
                edges = np.ix_(targets, seen)
                shortest = idelays(brain)[edges][brain.weights[edges] != 0].min()
                lag = max(1, (shortest + 1) // n)
                name = f"{s}to{t}"
                out = StateOut(f"out{name}", tuple(seen), variables, STEP)
                into = ProxyIn(f"in{name}", tuple(seen), variables, STEP)
                channels.append(Channel(s, t, out, into, 1 if smaller_lag else int(lag)))
        return channels

    def _poison(self, i, part, value):
        simulator = self.simulators[i]
        foreign = np.setdiff1d(np.arange(simulator.tvb.current_state.shape[1]), part)
        simulator.tvb.current_state[:, foreign] = value
        simulator.tvb.history.buffer[:, :, foreign] = value
        simulator.pinned[:] = value

    def windows(self):
        """Run window by window; yields after each."""
        for k in range(self.time.windows):
            for c in self.channels:
                self.simulators[c.target].accept(c.into.name, c.queue.popleft())
            for simulator in self.simulators:
                simulator.advance(self.time.at(k))
            for c in self.channels:
                c.queue.append(self.simulators[c.source].emit(c.out.name))
            yield self.time.at(k)

    def run(self):
        for _ in self.windows():
            pass
        for simulator in self.simulators:
            simulator.finalize()
        return self

    def column(self, monitor, name):
        """One recorded column, from whichever piece has it."""
        found = [
            m.signals[f"part{i}/{monitor}"]
            for i, m in enumerate(self.memories)
            if name in m.signals[f"part{i}/{monitor}"].columns
        ]
        assert len(found) == 1, f"{name} is recorded {len(found)} times"
        kept = found[0]
        return np.array(kept.times), kept.values[:, kept.columns.index(name)]

    def trajectories(self, variables, labels, modes=1):
        """All columns of Raw, shape (steps, variables, regions, modes)."""
        suffixes = [""] if modes == 1 else [f", mode {m}" for m in range(modes)]
        return np.array(
            [
                [[self.column("Raw", f"{v}[{r}{m}]")[1] for m in suffixes] for r in labels]
                for v in variables
            ]
        ).transpose(3, 0, 1, 2)


def plain(entry, brain, model, coupling, integrator, monitors, initial):
    """A simulator of tvb-library over the whole brain, with a constant past."""
    connectivity = library.Connectivity(
        weights=brain.weights.copy(),
        tract_lengths=brain.tract_lengths_mm.copy(),
        centres=brain.centres_mm.copy(),
        region_labels=np.array(brain.labels),
        speed=np.array([brain.speed_m_per_s]),
    )
    past = np.broadcast_to(initial, (int(idelays(brain).max()) + 1, *initial.shape)).copy()
    simulator = library.Simulator(
        model=model,
        coupling=coupling,
        integrator=integrator,
        connectivity=connectivity,
        conduction_speed=brain.speed_m_per_s,
        monitors=tuple(monitors),
        initial_conditions=past,
    )
    simulator.configure()
    simulator.current_step = 0
    return simulator


def plain_run(simulator, steps):
    """Times and values of every monitor, as TVB's own loop gives them."""
    found = [([], []) for _ in simulator.monitors]
    # Sigmoids of some models overflow harmlessly on their way to 0 or 1.
    with np.errstate(over="ignore"):
        for produced in simulator(simulation_length=steps * DT_MS, n_steps=steps):
            for (times, values), one in zip(found, produced, strict=True):
                if one is not None:
                    times.append(one[0])
                    values.append(np.array(one[1]))
    return [(np.array(t), np.array(v)) for t, v in found]
