"""With a lag of two windows or more, conversion and transfer are not on the critical path.

The network takes much longer for a window than everybody else. If the work of the others hides
behind its own, it finds its input there when it turns to a window, and waits for nobody. That is
a matter of order, not of speed, as long as the network is by far the slowest.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from cosim.plan.build import open_case
from cosim.results import open_result
from cosim.results.profile import profile_of

sys.path.insert(0, str(Path(__file__).parents[1] / "mpi"))
import toy_cases
import toy_jobs

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
#: How long the network takes for a window: others of this machine must not matter.
PAUSE_S = 0.05
#: The others begin when they begin; from there on they are ahead.
SETTLED = 4


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    folder = tmp_path_factory.mktemp("overlap")
    toy_cases.random_brain(folder / "brain.zip", 4, 1, shortest_ms=4.0, density=1)
    with toy_cases.installed():
        path = toy_cases.scenario(
            folder, REGIONS, duration="60 ms", window="1 ms", spiking={"pause_s": PAUSE_S}
        )
        _, plan = open_case(path)
        assert min(border.lag for border in plan.borders) >= 2
    program = (*toy_cases.program(), "run", str(path), "--run-dir", "run", "--no-picture", "-q")
    ended = toy_jobs.run_ranks(plan.ranks, program, folder, limit_s=120.0)
    assert ended.code == 0, ended.err
    with open_result(folder / "run") as result:
        yield profile_of(result)


def test_the_slowest_waits_for_nobody(account):
    (network,) = (role for role in account.roles if role.kind == "spiking")
    waited = network.waited_for[SETTLED:] != ""
    assert waited.mean() < 0.2
    for role in account.roles:
        if role.kind == "transformer" and role.role.endswith("in0"):
            assert (role.waited_for[SETTLED:] != "").mean() > 0.5


def test_the_ranks_are_on_one_clock(account):
    """A block is received after its sender has begun the window that it is from."""
    by_name = {role.role: role for role in account.roles}
    (network,) = (role for role in account.roles if role.kind == "spiking")
    behind = [r for r in account.roles if r.role.startswith(f"{network.role}.all.to")]
    assert behind
    for role in behind:
        lag = len(role.window) - len(by_name[network.role].window)
        # Clocks of processes of one machine agree to less than a window of the network.
        for k in range(SETTLED, len(network.window)):
            assert role.end_s[k + lag] > network.begin_s[k] - PAUSE_S


def test_every_rank_accounts_for_its_time(account):
    """From when all are ready on; what was waited for them is no part of the windows."""
    for roles in account.ranks().values():
        begin_s = np.concatenate([role.begin_s for role in roles])
        length_s = np.concatenate([role.length_s for role in roles])
        settled = begin_s >= account.ready_s
        assert settled.mean() > 0.8
        last_s = max(float(role.end_s[-1]) for role in roles)
        together_s = float(length_s[settled].sum())
        first_s = float(begin_s[settled].min())
        assert together_s == pytest.approx(last_s - first_s, rel=0.01, abs=0.01)
