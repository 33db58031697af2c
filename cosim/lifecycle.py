"""What the serial twin and a rank of an MPI job do alike: begin, report, end."""

from __future__ import annotations

import json
import logging
import resource
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cosim.plan.model import Plan
from cosim.recording import About
from cosim.roles.base import Role
from cosim.roles.simulator_role import SimulatorRole
from cosim.scenario.load import Case
from cosim.simulator import engines

log = logging.getLogger(__name__)

#: How often a rank reports its progress.
REPORT_EVERY_S = 0.2
#: Longest wait for one channel. Another rank may build a large network meanwhile.
WAIT_LIMIT_S = 1800.0


def about(case: Case, plan: Plan, mpi_library: str) -> About:
    """Return what the result must say so that the run can be repeated."""
    used = {s.engine for s in plan.simulators}
    versions = {
        "cosim": version("cosim-brain"), "python": sys.version.split()[0],
        "numpy": version("numpy"), "mpi": mpi_library,
        **{k: v for name in sorted(used) for k, v in engines()[name].versions().items()},
    }
    return About(
        case.text, json.loads(case.resolved()), json.loads(plan.as_json()),
        seeds(case, plan), versions,
    )


def seeds(case: Case, plan: Plan) -> dict[str, int]:
    """Return the scenario's seed, and those that simulators derive from it."""
    derived = {
        f"{s.name}.{key}": value
        for s in plan.simulators
        for key, value in engines()[s.engine].seeds(s.name, case.scenario.seed).items()
    }
    return {"scenario": case.scenario.seed, **derived}


def state(roles: Sequence[Role]) -> tuple[dict[str, int], dict[str, float]]:
    """Return windows done, and rates in spikes/s at borders, by role."""
    windows = {role.name: role.window for role in roles}
    return windows, {k: v for role in roles for k, v in role.status().items()}


def prime(roles: Sequence[Role]) -> None:
    """Send what the windows before the first would have sent."""
    for role in roles:
        if isinstance(role, SimulatorRole):
            role.prime()


def close(roles: Sequence[Role]) -> None:
    """Release all roles."""
    for role in roles:
        role.close()


def close_quietly(roles: Sequence[Role]) -> None:
    """Release all roles after a failure, which no other may hide."""
    for role in roles:
        _close_quietly(role)


def _close_quietly(role: Role) -> None:
    try:
        role.close()
    except Exception:
        # The failure that brought us here is the one to report.
        log.debug("closing %s failed", role.name, exc_info=True)




def max_rss_mb() -> float:
    """Return the most memory that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
