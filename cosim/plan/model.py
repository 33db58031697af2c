"""The plan as values: simulators, transformers, channels, ranks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cosim.clock import Clock
from cosim.ports import InPort, OutPort
from cosim.scenario.fields import Named
from cosim.scenario.model import Gating

#: Bytes of the header before each message.
HEADER_BYTES = 48
#: Bytes of one spike on its way: tick (int64) and sender (int32).
SPIKE_BYTES = 12


@dataclass(frozen=True)
class Edge:
    """One edge of the connectome that crosses a border.

    Parameters
    ----------
    source, target
        Region labels.
    length_mm, speed_m_per_s
        Tract length and conduction speed.
    delay
        Delay in ticks, rounded to the step of the simulator that applies it.
    reach
        Ticks that a simulator may run ahead because of this edge.
    """

    source: str
    target: str
    length_mm: float
    speed_m_per_s: float
    delay: int
    reach: int


@dataclass(frozen=True)
class Border:
    """All edges from one simulator to another that one channel carries."""

    source: str
    target: str
    edges: int
    shortest: Edge
    lag: int


@dataclass(frozen=True)
class ChannelPlan:
    """A directed queue between two roles.

    Parameters
    ----------
    name
        Unique name.
    source, source_port, target, target_port
        Roles and their ports.
    lag
        Windows between emission and use.
    last
        Index of the last window that is sent.
    rows, columns
        Shape of a signal; rows is 0 for spikes, whose columns are then trains.
    edge
        The shortest border edge behind the channel; None beside a transformer.
    """

    name: str
    source: str
    source_port: str
    target: str
    target_port: str
    lag: int
    last: int
    rows: int
    columns: int
    edge: Edge | None = None

    @property
    def spikes(self) -> bool:
        """Tell whether spikes cross, not a signal."""
        return self.rows == 0

    @property
    def signal_bytes(self) -> int:
        """Bytes of a signal's message, header included."""
        return HEADER_BYTES + 8 * self.rows * self.columns


@dataclass(frozen=True)
class SimulatorPlan:
    """One running simulator."""

    name: str
    model: str
    engine: str
    kind: str
    regions: tuple[int, ...]
    step: int
    threads: int
    rank: int
    inputs: tuple[InPort, ...] = ()
    outputs: tuple[OutPort, ...] = ()


@dataclass(frozen=True)
class Front:
    """What happens to one input of a transformer before the inputs are added.

    Parameters
    ----------
    channel
        Name of the channel it comes by.
    step
        Grid on which it comes, in ticks.
    through
        For spikes from another spiking region: how they become a rate; None otherwise.
    size
        Neurons of the sending population.
    weight
        Weight of the edge; 1 where the sender has applied its own coupling.
    delay
        Delay to be applied here, in ticks; 0 where the sender has applied it.
    lag
        Lag of the channel.
    """

    channel: str
    step: int
    through: Named | None = None
    size: int = 0
    weight: float = 1.0
    delay: int = 0
    lag: int = 0


@dataclass(frozen=True)
class TransformerPlan:
    """One transformer.

    Parameters
    ----------
    kind
        ``into_spikes``: activity to trains (or to a rate for Poisson devices inside the
        simulator); ``out_of_spikes``: spikes to a mean-field variable; ``relay``: spikes to
        fibres; ``between``: a mean-field variable to another one.
    home
        The simulator beside which it runs when transformers have no ranks of their own.
    across
        The mean-field simulator on the other side of the border, beside which it may run instead;
        `home` if there is none.
    label
        From where to where, for people.
    region, population
        The spiking side; of ``between`` the first of the sending regions.
    gain, offset, maximum
        Affine map with its limits; see `unit_in` and `unit_out`.
    delay_ms
        Mean delay that the conversion adds, smoothing of spikes of other spiking regions included;
        of several senders the longest.
    """

    name: str
    kind: Literal["into_spikes", "out_of_spikes", "relay", "between"]
    rank: int
    home: str
    across: str
    label: str
    region: str
    population: str
    fronts: tuple[Front, ...]
    outputs: tuple[str, ...]
    through: Named
    step_out: int
    size: int
    trains: int
    columns: int
    gain: float
    offset: float
    maximum: float | None
    gating: Gating | None
    unit_in: str
    unit_out: str
    delay_ms: float


@dataclass(frozen=True)
class Cut:
    """Edges of the connectome that no interface carries."""

    source: str
    target: str
    edges: int


@dataclass(frozen=True)
class Plan:
    """Who runs where, what crosses the borders, and when: a pure function of the case."""

    clock: Clock
    window_reason: str
    simulators: tuple[SimulatorPlan, ...]
    transformers: tuple[TransformerPlan, ...]
    channels: tuple[ChannelPlan, ...]
    borders: tuple[Border, ...]
    cuts: tuple[Cut, ...]
    ranks: int
    resolved: str

    def as_json(self) -> str:
        """Return the plan as canonical JSON."""
        return json.dumps(_plain(asdict(self)), sort_keys=True)

    def hash(self) -> str:
        """Return the digest that all ranks compare at the start."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:16]

    def threads_per_rank(self) -> tuple[int, ...]:
        """Return the largest number of threads on each rank."""
        return tuple(
            max((s.threads for s in self.simulators if s.rank == rank), default=1)
            for rank in range(self.ranks)
        )

    def roles(self) -> list[SimulatorPlan | TransformerPlan]:
        """Return all simulators and transformers."""
        return [*self.simulators, *self.transformers]

    def roles_on(self, rank: int) -> list[SimulatorPlan | TransformerPlan]:
        """Return the simulators and transformers of one rank."""
        return [role for role in self.roles() if role.rank == rank]

    def rank_of(self) -> dict[str, int]:
        """Return the rank of every role."""
        return {role.name: role.rank for role in self.roles()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON-like value
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value
