"""From the accounts of short runs to what a role costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cosim.costs.model import RoleCost
from cosim.results.profile import RoleProfile, Seconds

#: The part of the windows at either end that does not count: start-up, and what others of the
#: machine took.
TRIM = 0.15


def per_window_s(role: RoleProfile) -> float:
    """Return the seconds of work of a typical window, waiting not counted."""
    work_s = role.length_s - role.spent_s["wait"]
    record_s = role.spent_s.get("record", np.zeros(len(work_s)))
    # Files are written now and then, in few windows: these must not be trimmed away.
    return trimmed_mean(work_s - record_s) + min(
        float(record_s.mean()), 4 * trimmed_mean(record_s) + 1e-3 * role.window_ms
    )


def core_share(roles: Sequence[RoleProfile]) -> float:
    """Return for which part of its time the process of a serial run had a core, at most 1.

    Others may have wanted the cores, too. Simulators with threads of their own, or in processes of
    their own, tell nothing about that.
    """
    single = [r for r in roles if r.kind != "spiking"]
    cpu_s = sum(r.cpu_s for r in single)
    wall_s = sum(sum(r.total_s.values()) for r in single)
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


def message_cost(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return seconds of a message and of each of its bytes, both at least 0."""
    size, spent = np.array(sizes, float), np.array(seconds)
    weight = 1 / np.maximum(spent, 1e-9)
    design = np.column_stack((np.ones_like(size), size)) * weight[:, None]
    (fixed, slope), *_ = np.linalg.lstsq(design, spent * weight, rcond=None)
    return max(float(fixed), 0.0), max(float(slope), 0.0)
