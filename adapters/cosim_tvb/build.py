"""From a specification to a configured simulator of tvb-library at time 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.errors import UsageError
from cosim.ports import ProxyIn
from cosim.simulator import SimulatorSpec
from cosim.streams import Stream
from cosim_tvb import library
from cosim_tvb.config import TvbConfig, by_region, noise_config, number
from cosim_tvb.facts import ModelFacts, facts, third_party_models
from cosim_tvb.library import Untyped
from cosim_tvb.noise import build_noise


@dataclass(frozen=True)
class Built:
    """A configured TVB simulator and where it stands in the brain.

    Parameters
    ----------
    sim
        tvb's own object, before its first step, with a constant past.
    labels
        Names of all regions.
    facts
        Of its model.
    step_ticks
        Ticks in an integration step.
    owned, foreign
        Indices of the regions that this instance simulates, and of all others.
    """

    sim: Any
    labels: tuple[str, ...]
    facts: ModelFacts
    step_ticks: int
    owned: NDArray[np.int64]
    foreign: NDArray[np.int64]


def build(spec: SimulatorSpec, config: TvbConfig, model_facts: ModelFacts) -> Built:
    """Build a TVB simulator that holds all regions but computes those of the specification.

    The arrays of every instance have the whole brain's shape and order, so that each owned
    region adds up the same numbers in the same order whoever owns the rest. What others see of a
    region of another simulator is zero until a port brings it: a port that feeds some coupling
    variables of a region leaves its other ones silent.

    Raises
    ------
    UsageError
        If TVB refuses the combination of model, parameters and coupling.
    """
    regions = len(spec.brain.labels)
    owned = np.array(spec.regions, np.int64)
    foreign = np.setdiff1d(np.arange(regions), owned)
    step_ticks = spec.clock.ticks(config.step_ms)
    connectivity = _connectivity(spec, owned, foreign)
    connectivity.configure()
    connectivity.set_idelays(config.step_ms)
    initial = initial_state(config, model_facts, spec.seed, regions)
    for name in model_facts.coupling_variables:
        initial[model_facts.state_variables.index(name), foreign] = 0.0
    sim = library.Simulator(
        model=_model(config, model_facts, spec.brain.labels),
        coupling=build_coupling(config),
        integrator=_integrator(spec, config, model_facts, step_ticks),
        connectivity=connectivity,
        conduction_speed=spec.brain.speed_m_per_s,
        monitors=(),
        initial_conditions=np.broadcast_to(initial, (connectivity.horizon, *initial.shape)),
    )
    built = Built(sim, spec.brain.labels, model_facts, step_ticks, owned, foreign)
    _configure(built, config)
    return built


def _configure(built: Built, config: TvbConfig) -> None:
    sim = built.sim
    try:
        sim.configure()
        for name, default in built.facts.parameters.items():
            # TVB takes a list that happens to be as long as the brain for one number a region.
            if len(default) > 1:
                setattr(sim.model, name, np.ravel(getattr(sim.model, name)))
        _try_equations(sim)
    except (ValueError, IndexError, TypeError, AttributeError) as err:
        raise UsageError(
            f"TVB cannot run model {config.model} with coupling {config.coupling.name} and "
            f"these parameters: {err}"
        ) from err
    # TVB counts the time points of the initial conditions as steps; here the run begins at 0.
    sim.current_step = 0


def _try_equations(sim: Untyped) -> None:
    state = sim.current_state[sim.model.state_variable_mask]
    with np.errstate(all="ignore"):
        derivative = sim.model.dfun(state, sim.coupling(1, sim.history), 0.0)
    if np.shape(derivative) != state.shape:
        raise ValueError(f"the equations give shape {np.shape(derivative)}, not {state.shape}")


def _connectivity(
    spec: SimulatorSpec, owned: NDArray[np.int64], foreign: NDArray[np.int64]
) -> Untyped:
    brain = spec.brain
    weights = brain.weights.copy()
    weights[foreign] = 0.0
    fed = [r for port in spec.inputs if isinstance(port, ProxyIn) for r in port.regions]
    weights[:, np.setdiff1d(foreign, np.array(fed, np.int64))] = 0.0
    if not len(owned):
        raise UsageError(f"simulator {spec.name} owns no region")
    return library.Connectivity(
        weights=weights,
        tract_lengths=brain.tract_lengths_mm.copy(),
        centres=brain.centres_mm.copy(),
        region_labels=np.array(brain.labels),
        speed=np.array([brain.speed_m_per_s]),
        cortical=np.ones(len(brain.labels), bool),
        orientations=np.zeros((len(brain.labels), 3)),
    )


def initial_state(
    config: TvbConfig, model: ModelFacts, seed: int, regions: int
) -> NDArray[np.float64]:
    """Return the state at time 0 and before, shape (state variables, regions, modes).

    What is not given as a number is drawn uniformly for every region of the brain, from a stream
    that depends on the variable and not on who owns the region.
    """
    shape = (regions, model.modes)
    rows = []
    for name in model.state_variables:
        given = config.initial.get(name, model.ranges[name])
        if isinstance(given, tuple):
            draws = Stream(seed, "tvb-initial", name, str(model.modes)).at(0)
            rows.append(draws.uniform(*given, shape))
        else:
            rows.append(np.full(shape, given))
    return np.array(rows)


def _model(config: TvbConfig, known: ModelFacts, labels: tuple[str, ...]) -> Untyped:
    registered = third_party_models()
    if config.model in facts().models:
        cls: Any = library.model_class(config.model)
    else:
        cls = registered[config.model].load()
    given: dict[str, Any] = {}
    for name, value in config.parameters.items():
        default = known.parameters[name]
        kind = getattr(cls, name).dtype
        if isinstance(value, dict):
            given[name] = by_region(value, labels, default[0]).astype(kind)
        else:
            given[name] = np.atleast_1d(np.asarray(value)).astype(kind)
    if config.variables_of_interest is not None:
        given["variables_of_interest"] = config.variables_of_interest
    return cls(**given)


def build_coupling(config: TvbConfig) -> Untyped:
    """Return a coupling object of TVB.

    Each history needs its own: TVB's sparse couplings keep row indices of the first they meet.
    """
    cls = getattr(library.coupling, config.coupling.name)
    given = {n: np.array([number(v)]) for n, v in config.coupling.parameters.items()}
    built = cls(**given)
    built.configure()
    return built


def _integrator(
    spec: SimulatorSpec, config: TvbConfig, model: ModelFacts, step_ticks: int
) -> Untyped:
    cls = getattr(library.integrators, config.integrator.name)
    if not facts().integrators[config.integrator.name].stochastic:
        return cls(dt=config.step_ms)
    shape = (len(model.state_variables), len(spec.brain.labels), model.modes)
    noise = build_noise(
        noise_config(config.integrator), model.state_variables, spec.seed, step_ticks, shape
    )
    return cls(dt=config.step_ms, noise=noise)


@dataclass(frozen=True)
class Edge:
    """An edge of the connectome, with its delay in integration steps."""

    idelay: int
    target: int
    source: int


def shortest_edge(
    built: Built, weights: NDArray[np.float64], targets: Iterable[int], sources: Sequence[int]
) -> Edge | None:
    """Return the weighted edge from sources to targets with the smallest delay, if any."""
    idelays = built.sim.connectivity.idelays
    edges = (Edge(int(idelays[t, s]), t, s) for t in targets for s in sources if weights[t, s])
    return min(edges, key=lambda e: e.idelay, default=None)


def coupling_indices(built: Built, variables: tuple[str, ...]) -> list[int]:
    """Return the places of variables among the model's coupling variables.

    Raises
    ------
    UsageError
        If one of them is none.
    """
    known = built.facts.coupling_variables
    for name in variables:
        if name not in known:
            raise UsageError(f"'{name}' is no coupling variable; expected {', '.join(known)}")
    return [known.index(name) for name in variables]
