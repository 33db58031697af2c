"""Which role runs on which rank. Results do not depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cosim.errors import UsageError
from cosim.plan.model import Plan, SimulatorPlan, TransformerPlan
from cosim.scenario.model import Transformers

#: Transformer ranks that `auto` takes: one for each direction across the border.
AUTO_RANKS = 2


def place(
    simulators: Sequence[SimulatorPlan],
    transformers: Sequence[TransformerPlan],
    wish: Transformers,
    ranks: int | None,
) -> tuple[tuple[SimulatorPlan, ...], tuple[TransformerPlan, ...], int]:
    """Give every role a rank: simulators first, one each, then the transformers.

    Parameters
    ----------
    ranks
        Number of MPI ranks; None takes what the scenario asks for.

    Raises
    ------
    UsageError
        If there are fewer ranks than simulators, or more than roles.
    """
    own = _own_ranks(len(simulators), len(transformers), wish, ranks)
    placed = tuple(replace(s, rank=i) for i, s in enumerate(simulators))
    rank_of = {s.name: s.rank for s in placed}
    spread = []
    for i, transformer in enumerate(transformers):
        # Contiguous shares keep the two directions, which are listed in turn, apart.
        shared = len(placed) + i * own // len(transformers)
        beside = transformer.across if wish.placement == "mean_fields" else transformer.home
        rank = shared if own else rank_of[beside]
        spread.append(replace(transformer, rank=rank))
    return placed, tuple(spread), len(placed) + own


def placed(plan: Plan, wish: Transformers, ranks: int) -> Plan:
    """Return a plan with other ranks; see `place`."""
    simulators, transformers, count = place(plan.simulators, plan.transformers, wish, ranks)
    return replace(plan, simulators=simulators, transformers=transformers, ranks=count)


def _own_ranks(simulators: int, transformers: int, wish: Transformers, ranks: int | None) -> int:
    if ranks is None:
        if wish.placement != "own_ranks":
            return 0
        wanted = AUTO_RANKS if wish.ranks == "auto" else wish.ranks
        return min(wanted, transformers)
    least, most = simulators, simulators + transformers
    if not least <= ranks <= most:
        raise UsageError(
            f"{ranks} ranks do not suit this scenario: it has {simulators} simulators on a rank "
            f"each and {transformers} transformers; expected {least} to {most} ranks"
        )
    return ranks - simulators

