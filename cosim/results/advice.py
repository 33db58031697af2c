"""What holds a run back, and what could be gained, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from cosim.results.profile import Profile, RoleProfile

#: From this share on a rank counts as busy.
BUSY = 0.6
#: Gains below are not worth a word.
SLIGHT = 0.02


def advice(profile: Profile) -> str:
    """Return one sentence about a run, derived from its account alone.

    The gains are bounds: they assume that twice the threads compute twice as fast, that whoever is
    not the slowest stays out of its way, and that a longer window takes all exchange with it.
    """
    wall_s = profile.wall_s
    if not profile.roles or wall_s <= 0:
        return "No window was finished, so there is nothing to say about the time."
    ranks = profile.ranks()
    busy_s = {rank: sum(r.busy_s for r in roles) for rank, roles in ranks.items()}
    slowest = max(busy_s, key=lambda rank: busy_s[rank])
    role = max(ranks[slowest], key=lambda r: r.busy_s)
    if profile.serial:
        return _serial(profile, role)
    others = [r for rank, roles in ranks.items() if rank != slowest for r in roles]
    if busy_s[slowest] < BUSY * wall_s:
        return _latency(profile, role, busy_s[slowest] / wall_s)
    rest_s = max((s for rank, s in busy_s.items() if rank != slowest), default=0.0)
    parts = [
        f"{_first(_named(role))} {_main(role, wall_s)} and holds the others back"
        + (f"; the other ranks wait {_waiting(others, wall_s):.0%} of it" if others else ""),
        _faster(role, busy_s[slowest], rest_s, wall_s, len(ranks[slowest])),
        _longer(ranks[slowest], wall_s),
        _elsewhere(role, ranks[slowest], wall_s),
    ]
    return "; ".join(part for part in parts if part) + "."


def _named(role: RoleProfile) -> str:
    if role.kind == "transformer":
        return f"the transformer '{role.role}'"
    engine = {"nest": "NEST", "tvb": "TVB"}.get(role.engine, role.engine)
    return f"{engine} '{role.role}'" if engine else f"'{role.role}'"


def _first(words: str) -> str:
    """Return words as they begin a sentence."""
    return words[0].upper() + words[1:] if words.startswith("the ") else words


def _main(role: RoleProfile, wall_s: float) -> str:
    verbs = {
        "compute": "computes", "convert": "converts", "receive": "receives", "send": "sends",
        "record": "records", "exchange": "exchanges",
    }
    state = max(verbs.keys() & role.total_s.keys(), key=lambda s: role.total_s[s])
    return f"{verbs[state]} {role.total_s[state] / wall_s:.0%} of the time"


def _waiting(roles: Iterable[RoleProfile], wall_s: float) -> float:
    """Return the mean share of waiting over ranks."""
    by_rank: dict[int, float] = {}
    for role in roles:
        by_rank[role.rank] = by_rank.get(role.rank, 0.0) + role.total_s["wait"]
    return sum(min(s / wall_s, 1.0) for s in by_rank.values()) / len(by_rank)


def _faster(
    role: RoleProfile, busy_s: float, rest_s: float, wall_s: float, together: int
) -> str:
    if role.kind == "spiking":
        best_s = max(busy_s - role.total_s["compute"] / 2, rest_s)
        gain = f"{best_s / wall_s:.2f}"
        return f"with twice its threads the run could take at best {gain} of the time"
    if together > 1 and role.kind == "transformer":
        best_s = max(role.busy_s, busy_s - role.busy_s, rest_s)
        return f"on a rank of its own the run could take at best {best_s / wall_s:.2f} of the time"
    best_s = max(busy_s / 2, rest_s)
    return f"were it twice as fast, the run could take at best {best_s / wall_s:.2f} of the time"


def _longer(roles: Iterable[RoleProfile], wall_s: float) -> str:
    keys = ("receive", "send", "other", "exchange")
    gain = sum(r.total_s.get(key, 0.0) for r in roles for key in keys) / wall_s
    if gain < SLIGHT:
        return f"a longer window would give less than {SLIGHT:.0%}"
    return f"a longer window would give at most {gain:.0%}"


def _elsewhere(role: RoleProfile, roles: Iterable[RoleProfile], wall_s: float) -> str:
    """Return what the transformers beside the slowest simulator take, if that matters."""
    share = sum(r.busy_s for r in roles if r.kind == "transformer") / wall_s
    if role.kind == "transformer" or share < SLIGHT:
        return ""
    where = "mean_fields" if role.kind == "spiking" else "simulators"
    return f"transformers beside it take {share:.0%}, which --placement {where} gives to others"


def _latency(profile: Profile, role: RoleProfile, share: float) -> str:
    words = f"No rank is busy more than {share:.0%} of the time: they wait for each other in turn"
    if profile.lags and min(profile.lags) < 2:
        return (
            f"{words}; a window at most half as long lets them work at the same time, and the run "
            f"could take at best {share:.2f} of the time, that of '{role.role}'."
        )
    return (
        f"{words}, or for cores that others use; with a core for each rank the run could take at "
        f"best {share:.2f} of the time, that of '{role.role}'."
    )


def _serial(profile: Profile, role: RoleProfile) -> str:
    wall_s = profile.wall_s
    if len(profile.roles) == 1:
        return f"{_first(_named(role))} ran alone and {_main(role, wall_s)}."
    return (
        f"All roles took turns in one process, and {_named(role)} {_main(role, wall_s)}; on ranks "
        f"with a core each the run could take at best {role.busy_s / wall_s:.2f} of the time."
    )
