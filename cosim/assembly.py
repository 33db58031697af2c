"""From the plan to the roles of one rank: simulators, transformers, and the links between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from cosim.account import ACCOUNT
from cosim.clock import Clock
from cosim.errors import BorderError
from cosim.isolated import IsolatedSimulator
from cosim.links.base import Inlet, Outlet
from cosim.links.memory import pair
from cosim.links.mpi import MpiInlet, MpiOutlet, Transport
from cosim.messages import Block
from cosim.plan.model import ChannelPlan, Plan, SimulatorPlan
from cosim.recording import RankFile, RunDir
from cosim.roles.base import Role
from cosim.roles.naming import named
from cosim.roles.simulator_guard import guard_of, watched_only
from cosim.roles.simulator_role import SimulatorRole
from cosim.roles.transformer_role import ROLES
from cosim.scenario.checks import recorded
from cosim.scenario.load import Case
from cosim.simulator import Simulator, SimulatorSpec, engines
from cosim.stalls.limit import WaitLimit
from cosim.tapes import Deck, Listener, Reel, RepeatingOutlet, TapedInlet
from cosim.tapes.ends import difference


@dataclass
class Links:
    """Both kinds of channel ends on one rank, by channel name."""

    inlets: dict[str, Inlet] = field(default_factory=dict)
    outlets: dict[str, Outlet] = field(default_factory=dict)


def connect(plan: Plan, rank: int | None, transport: Transport | None, deck: Deck) -> Links:
    """Make the channel ends of one rank.

    Parameters
    ----------
    rank
        The rank; None when all roles run in this process.
    transport
        How other ranks are reached; None when there are none.
    deck
        What earlier attempts have on tape, and where to tape.
    """
    ACCOUNT.stage("building")
    links = Links()
    rank_of = plan.rank_of()
    for i, channel in enumerate(plan.channels):
        source, target = rank_of[channel.source], rank_of[channel.target]
        if rank not in (None, source, target):
            continue
        # What the receiver has on tape from an earlier attempt is neither sent nor awaited.
        known = deck.earlier(channel.name)
        if rank is None or source == target:
            outlet, inlet = pair(channel)
            _tape(links, channel, inlet, known, deck)
            # Each end reads at its own pace.
            _repeat(links, channel, outlet, deck.earlier(channel.name), plan.clock)
        elif transport is not None and source == rank:
            sender = MpiOutlet(channel, transport, target, 2 * i)
            _repeat(links, channel, sender, known, plan.clock)
        elif transport is not None:
            count = 0 if known is None else known.count
            receiver = MpiInlet(channel, transport, source, 2 * i, count)
            _tape(links, channel, receiver, known, deck)
    return links


def _tape(
    links: Links, channel: ChannelPlan, live: Inlet, known: Reel | None, deck: Deck
) -> None:
    links.inlets[channel.name] = TapedInlet(live, known, deck.tape(channel.name), channel)


def _repeat(
    links: Links, channel: ChannelPlan, live: Outlet, known: Reel | None, clock: Clock
) -> None:
    if known is not None:
        live = RepeatingOutlet(live, known, _refusing(channel, clock))
    links.outlets[channel.name] = live


def _refusing(channel: ChannelPlan, clock: Clock) -> Listener:
    def refuse(index: int, record: Block, now: Block) -> NoReturn:
        raise BorderError(
            f"{channel.name}: window {index} is not what the interrupted run had: "
            f"{difference(record, now, clock)}"
        )

    return refuse


def spec_of(case: Case, plan: Plan, simulator: SimulatorPlan) -> SimulatorSpec:
    """Return all that an engine needs to build a simulator."""
    config = case.scenario.models[simulator.model]
    populations = engines()[simulator.engine].populations(config)
    return SimulatorSpec(
        simulator.name, simulator.model, config, simulator.regions, case.brain, plan.clock,
        case.scenario.seed, simulator.inputs,
        (*simulator.outputs, *watched_only(case, simulator)),
        recorded(case.scenario.record, simulator.model, populations),
    )


def assemble(
    case: Case, plan: Plan, rank: int | None, links: Links, recorder: RankFile, run_dir: RunDir,
    only: Collection[str] | None = None, limit: WaitLimit | None = None,
) -> Iterator[Role]:
    """Build and prepare the roles of a rank, one by one: whoever takes them has to close them.

    Parameters
    ----------
    only
        Names of the roles to build; None for all of the rank.
    limit
        How long to wait for an answer of a simulator in a process of its own.

    Raises
    ------
    RoleFailed
        If a simulator or transformer cannot be prepared.
    """
    taken: set[str] = set()
    for simulator in plan.simulators:
        if rank not in (None, simulator.rank) or not _wanted(simulator.name, only):
            continue
        engine = engines()[simulator.engine]
        # A second instance of such an engine needs a process of its own.
        alone = not engine.exclusive or simulator.engine not in taken
        apart = None if alone else limit or WaitLimit()
        taken.add(simulator.engine)
        with named(simulator.name, rank or 0, -1, labels(case, simulator.regions)):
            role = _simulator_role(case, plan, simulator, links, recorder, run_dir, apart=apart)
        yield role
    for transformer in plan.transformers:
        if rank in (None, transformer.rank) and _wanted(transformer.name, only):
            with named(transformer.name, rank or 0, -1, transformer.region):
                converting = ROLES[transformer.kind](
                    transformer, plan.clock, case.scenario.seed, links.inlets, links.outlets,
                    recorder, case.scenario.record, case.scenario.guards,
                )
            yield converting


def _wanted(role: str, only: Collection[str] | None) -> bool:
    return only is None or role in only


def _simulator_role(
    case: Case, plan: Plan, simulator: SimulatorPlan, links: Links, recorder: RankFile,
    run_dir: RunDir, *, apart: WaitLimit | None,
) -> SimulatorRole:
    spec = spec_of(case, plan, simulator)
    running: Simulator
    if apart is not None:
        running = IsolatedSimulator(
            simulator.engine, spec, run_dir.recording(simulator.rank), apart
        )
    else:
        running = engines()[simulator.engine].create(spec)
    running.prepare(recorder)
    return SimulatorRole(
        simulator, running, labels(case, simulator.regions), plan.clock,
        {c.target_port: links.inlets[c.name] for c in plan.channels if c.target == simulator.name},
        _outlets(plan, simulator.name, links.outlets), guard_of(case, plan, simulator),
    )


def _outlets(
    plan: Plan, name: str, outlets: Mapping[str, Outlet]
) -> Mapping[str, Sequence[Outlet]]:
    ports: dict[str, list[Outlet]] = {}
    for channel in plan.channels:
        if channel.source == name and channel.name in outlets:
            ports.setdefault(channel.source_port, []).append(outlets[channel.name])
    return ports


def labels(case: Case, regions: Sequence[int]) -> str:
    """Return region labels for messages: all of a few, the number of many."""
    if len(regions) > 3:
        return f"{case.brain.labels[regions[0]]} and {len(regions) - 1} more"
    return ", ".join(case.brain.labels[i] for i in regions)
