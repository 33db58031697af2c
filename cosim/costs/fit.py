"""From the accounts of short runs to what a role costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cosim.costs.model import Crowd, RoleCost
from cosim.results.profile import RoleProfile, Seconds

#: The part of the windows at either end that does not count: start-up, and what others of the
#: machine took.
TRIM = 0.15
#: Processor time is not a role's own if it is less than this part of its time, or more.
OWN = 0.5
#: Of a typical window, what writing files may add on average.
RARE = 0.2


def per_window_s(role: RoleProfile, share: float = 1.0) -> float:
    """Return the seconds of work of a typical window of a serial run, waiting not counted.

    Others may use the machine. So the processor time counts, where it is that of the role: not for
    a simulator with threads, or in a process of its own.

    Parameters
    ----------
    share
        For which part of its time the process had a core, see `core_share`.
    """
    work_s = role.length_s - role.spent_s["wait"]
    record_s = role.spent_s.get("record", np.zeros(len(work_s)))
    own = OWN * share * work_s.sum() <= role.cpu_s.sum() <= work_s.sum() / OWN
    typical_s = trimmed_mean(role.cpu_s) if own else share * trimmed_mean(work_s)
    # Files are written in few windows, which must not be trimmed away, nor count for what others
    # of the machine made of them.
    rare_s = max(float(record_s.mean()) - trimmed_mean(record_s), 0.0)
    return typical_s + share * min(rare_s, RARE * typical_s)


def core_share(roles: Sequence[RoleProfile]) -> float:
    """Return for which part of its time the process of a serial run had a core, at most 1.

    Simulators with threads, or in processes of their own, tell nothing about that.
    """
    single = [r for r in roles if r.kind != "spiking" and len(r.cpu_s)]
    cpu_s = sum(trimmed_mean(r.cpu_s) for r in single)
    wall_s = sum(trimmed_mean(r.length_s - r.spent_s["wait"]) for r in single)
    return min(cpu_s / wall_s, 1.0) if cpu_s > 0 and wall_s > 0 else 1.0


def trimmed_mean(values: Seconds) -> float:
    """Return the mean without the smallest and largest of the values."""
    cut = int(TRIM * len(values))
    kept = np.sort(values)[cut : len(values) - cut]
    return float(kept.mean()) if len(kept) else 0.0


def role_cost(measured: Mapping[float, float], parallel: float = 0.0) -> RoleCost:
    """Return the cost that fits best.

    Parameters
    ----------
    measured
        Seconds of a window by its length in ms, with one thread.
    parallel
        Part of the work that threads share.
    """
    window_ms = np.array(sorted(measured))
    seconds = np.array([measured[w] for w in window_ms])
    # Errors count in parts of the time, so that short windows count as much as long ones.
    weight = 1 / np.maximum(seconds, 1e-9)
    design = np.column_stack((np.ones_like(window_ms), window_ms)) * weight[:, None]
    if len(window_ms) > 1:
        (fixed, slope), *_ = np.linalg.lstsq(design, seconds * weight, rcond=None)
    else:
        fixed, slope = 0.0, float(seconds[0] / window_ms[0])
    if fixed < 0:
        fixed, slope = 0.0, float(np.mean(seconds / window_ms))
    elif slope < 0:
        fixed, slope = float(seconds.mean()), 0.0
    return RoleCost(window_s=float(fixed), ms_s=float(slope), parallel=parallel)


def parallel_part(one_s: float, several_s: float, threads: int) -> float:
    """Return which part of the work threads share, by Amdahl's law.

    Parameters
    ----------
    one_s, several_s
        Seconds of the same work with one thread and with several.
    threads
        How many these were.
    """
    if one_s <= 0 or threads < 2:
        return 0.0
    return float(np.clip((1 - several_s / one_s) / (1 - 1 / threads), 0.0, 1.0))


def crowding(crowds: Sequence[Crowd], per_core: float) -> float:
    """Return by how much work takes longer where so many threads want each core.

    Parameters
    ----------
    crowds
        What was measured; in between it is interpolated. With a thread on every second core or
        fewer nothing takes longer, unless that was measured.
    per_core
        Threads that want a core, for each core of a node.
    """
    known = {0.5: 1.0, **{c.per_core: c.factor for c in crowds}}
    where = sorted(known)
    factors = np.maximum.accumulate([known[at] for at in where])
    return float(np.interp(per_core, where, factors))


def message_cost(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return seconds of a message and of each of its bytes, both at least 0."""
    size, spent = np.array(sizes, float), np.array(seconds)
    weight = 1 / np.maximum(spent, 1e-9)
    design = np.column_stack((np.ones_like(size), size)) * weight[:, None]
    (fixed, slope), *_ = np.linalg.lstsq(design, spent * weight, rcond=None)
    return max(float(fixed), 0.0), max(float(slope), 0.0)
