"""The account of a run as a trace that chrome://tracing and Perfetto show.

The format is the JSON of the Trace Event Format (Google, "Trace Event Format", 2016): complete
events (``X``) with times in microseconds, names of processes and threads (``M``), and arrows from
what was sent to where it was received (``s`` and ``f``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cosim.results.profile import Profile, RoleProfile

#: Shorter stretches are left out: nobody sees them, and they are most of the file.
SHORTEST_S = 1e-6

Event = dict[str, Any]
#: Of the plan: `source`, `target`, `lag` and `last` of a channel.
Channel = Mapping[str, Any]


def write_trace(profile: Profile, channels: Sequence[Channel], path: Path) -> int:
    """Write a trace file.

    Parameters
    ----------
    channels
        The channels of the plan, for the arrows.
    path
        File to write.

    Returns
    -------
    int
        Number of events.
    """
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit": "ms", "traceEvents": [\n')
        for event in events(profile, channels):
            file.write((",\n" if count else "") + json.dumps(event))
            count += 1
        file.write("\n]}\n")
    return count


def events(profile: Profile, channels: Sequence[Channel]) -> Iterator[Event]:
    """Yield the events of a run; times count from the start of the first process."""
    before_s = max((sum(r.stages.values()) for r in profile.roles), default=0.0)
    zero_s = profile.span_s[0] - before_s
    thread = {role.role: i + 1 for i, role in enumerate(profile.roles)}
    for rank, roles in profile.ranks().items():
        names = " and ".join(r.role for r in roles[:3]) + (" ..." if len(roles) > 3 else "")
        yield _name("process", rank, 0, f"rank {rank}: {names}")
        yield _name("thread", rank, 0, "preparation")
        yield from _preparation(roles[0], zero_s)
    for role in profile.roles:
        yield _name("thread", role.rank, thread[role.role], role.role)
        yield from _windows(role, thread[role.role], zero_s)
    by_name = {role.role: role for role in profile.roles}
    number = 0
    for channel in channels:
        source, target = by_name.get(channel["source"]), by_name.get(channel["target"])
        if source is not None and target is not None:
            for pair in _arrows(source, target, channel, zero_s):
                number += 1
                for event, role in zip(pair, (source, target), strict=True):
                    yield {**event, "id": number, "pid": role.rank, "tid": thread[role.role]}


def _name(what: str, rank: int, thread: int, name: str) -> Event:
    return {
        "ph": "M", "name": f"{what}_name", "pid": rank, "tid": thread, "args": {"name": name},
    }


def _us(seconds: float) -> float:
    return round(seconds * 1e6, 3)


def _preparation(role: RoleProfile, zero_s: float) -> Iterator[Event]:
    if not len(role.window):
        return
    at_s = float(role.begin_s[0]) - sum(role.stages.values())
    for stage, seconds in role.stages.items():
        if seconds >= SHORTEST_S:
            yield {
                "ph": "X", "name": stage, "cat": "preparation", "pid": role.rank, "tid": 0,
                "ts": max(_us(at_s - zero_s), 0.0), "dur": _us(seconds),
            }
        at_s += seconds


def _windows(role: RoleProfile, thread: int, zero_s: float) -> Iterator[Event]:
    edges = {
        state: (begin.tolist(), end.tolist()) for state, (begin, end) in role.edges().items()
    }
    for i, window in enumerate(role.window.tolist()):
        for state, (begin, end) in edges.items():
            if end[i] - begin[i] < SHORTEST_S:
                continue
            more: dict[str, object] = {"window": window}
            if state == "wait":
                more["for"] = str(role.waited_for[i])
            if role.repeated[i]:
                more["repeated"] = True
            yield {
                "ph": "X", "name": state, "cat": "window", "pid": role.rank, "tid": thread,
                "ts": _us(begin[i] - zero_s), "dur": _us(end[i] - begin[i]), "args": more,
            }


def _arrows(
    source: RoleProfile, target: RoleProfile, channel: Channel, zero_s: float
) -> Iterator[tuple[Event, Event]]:
    """Yield the two ends of each block's way: from the sender's window k to k + lag."""
    if "send" not in source.spent_s or "receive" not in target.spent_s:
        return
    lag, last = int(channel["lag"]), int(channel["last"])
    sent, received = source.edges()["send"], target.edges()["receive"]
    for k in range(min(len(source.window), len(target.window) - lag, last + 1)):
        ends = [(float(edge[0][i]), float(edge[1][i])) for edge, i in
                ((sent, k), (received, k + lag))]
        if any(end - begin < SHORTEST_S for begin, end in ends):
            continue
        common = {"name": f"{source.role} to {target.role}", "cat": "channel"}
        yield (
            {**common, "ph": "s", "ts": _us(sum(ends[0]) / 2 - zero_s)},
            {**common, "ph": "f", "bp": "e", "ts": _us(sum(ends[1]) / 2 - zero_s)},
        )
