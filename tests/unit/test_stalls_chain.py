"""Who waits for whom, and whether it will ever end, from what ranks say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.stalls.chain import END, PREPARATION, Statement, Verdict, Wait, judge

LIMIT_S = 30.0
#: What a rank that does not wait says at two looks.
BUSY = {
    "computes": (Statement("window 7", 40, (), "S", 1.0), Statement("window 7", 41, (), "S", 1.5)),
    "runs": (Statement("window 7", 40, (), "R", 1.0), Statement("window 7", 41, (), "R", 1.0)),
    "idle": (Statement("window 7", 40, (), "S", 1.0), Statement("window 7", 41, (), "S", 1.01)),
    "young": (Statement("window 7", 2, (), "S", 1.0), Statement("window 7", 3, (), "S", 1.0)),
    "disk": (Statement("window 7", 40, (), "D", 1.0), Statement("window 7", 41, (), "D", 1.0)),
    "goes on": (Statement("window 7", 0, (), "S", 1.0), Statement("window 8", 0, (), "S", 1.0)),
    "prepares": (Statement(PREPARATION, 9, (), "S", 1.0), Statement(PREPARATION, 9, (), "S", 1.0)),
    "unseen": (Statement("window 7", 40), Statement("window 7", 41)),
    "traced": (Statement("window 7", 40, (), "t", 1.0), Statement("window 7", 41, (), "t", 1.0)),
    "stopped": (Statement("window 7", 40, (), "T", 1.0), Statement("window 7", 41, (), "T", 1.0)),
    "stopped there": (
        Statement(PREPARATION, 40, (), "T", 1.0), Statement(PREPARATION, 41, (), "T", 1.0),
    ),
    "gone": (None, None),
    "half gone": (Statement("window 7", 40, (), "S", 1.0), None),
}
VERDICTS = {
    "computes": Verdict.COMPUTING, "runs": Verdict.COMPUTING, "idle": Verdict.IDLE,
    "young": Verdict.UNSETTLED, "disk": Verdict.DISK, "goes on": Verdict.PROGRESS,
    "prepares": Verdict.PREPARING, "unseen": Verdict.UNSEEN, "traced": Verdict.TRACED,
    "stopped": Verdict.STOPPED, "stopped there": Verdict.STOPPED, "gone": Verdict.GONE,
    "half gone": Verdict.UNSETTLED,
}  # fmt: skip
#: Where they are, if not in window 7; of who is gone it is known only who waits for it.
WINDOWS = {"goes on": 8, "prepares": -1, "stopped there": -1, "gone": 5, "half gone": 5}


def waiting(*waits, phase="window 5", state="S"):
    """Return two statements of a rank that waits."""
    return tuple(Statement(phase, at_s, waits, state, at_s) for at_s in (40.0, 41.0))


def wait(role, peer, *, window=5, channel=None, waited_s=40.0):
    return Wait(role, window, f"{role}-{peer}" if channel is None else channel, peer, waited_s)


def looks_of(statements):
    """Return the looks of what each rank says."""
    return [{r: s[i] for r, s in enumerate(statements) if s[i] is not None} for i in range(2)]


def found(statements, roles, rank=0):
    rank_of = {role: r for r, names in enumerate(roles) for role in names}
    return judge(looks_of(statements), rank_of, rank, LIMIT_S)


@pytest.mark.parametrize("what", BUSY)
def test_who_is_at_the_end_decides(what):
    finding = found([waiting(wait("a", "b")), waiting(wait("b", "c")), BUSY[what]], ["a", "b", "c"])
    assert finding.verdict is VERDICTS[what]
    assert (finding.role, finding.rank) == ("c", 2)
    assert [w.role for w in finding.chain] == ["a", "b"]
    assert finding.window == WINDOWS.get(what, 7)
    fatal = {Verdict.IDLE, Verdict.STOPPED, Verdict.GONE}
    assert finding.verdict.fatal == (VERDICTS[what] in fatal)


def test_a_chain_is_told_link_by_link():
    a = wait("a", "b", channel="x -> y", waited_s=31.2)
    b = wait("b", "c", window=6, channel="z", waited_s=4.25)
    finding = found([waiting(a), waiting(b), BUSY["stopped"]], ["a", "b", "c"])
    assert finding.text() == (
        "c is stopped (SIGSTOP); a waits in window 5 for b on 'x -> y' (31 s); "
        "b waits in window 6 for c on 'z' (4.2 s)"
    )
    finding = found([waiting(a), waiting(b), BUSY["computes"]], ["a", "b", "c"])
    assert finding.text().startswith("c computes window 7; a waits in window 5 for b")
    assert finding.window == 7


def test_a_deadlock_is_a_circle_and_nothing_else():
    statements = [waiting(wait("a", "b")), waiting(wait("b", "c")), waiting(wait("c", "b"))]
    finding = found(statements, ["a", "b", "c"])
    assert finding.verdict is Verdict.DEADLOCK
    assert sorted(w.role for w in finding.chain) == ["b", "c"]
    assert finding.text().startswith("a deadlock; ")


def test_what_may_be_on_its_way_is_no_deadlock():
    """All of a circle must have waited for long, not only whoever asks."""
    statements = [waiting(wait("a", "b")), waiting(wait("b", "a", waited_s=LIMIT_S - 1))]
    assert found(statements, ["a", "b"]).verdict is Verdict.UNSETTLED


def test_a_wait_that_changes_between_looks_is_no_wait():
    before, after = Statement("window 5", 40, (), "S", 1.0), waiting(wait("b", "a"))[1]
    statements = [waiting(wait("a", "b")), (before, after)]
    assert found(statements, ["a", "b"]).verdict is Verdict.UNSETTLED


def test_a_rank_that_says_it_waits_does_not_compute_whatever_processor_it_uses():
    """Some wait by asking again and again."""
    spinning = [replace(s, state="R", cpu_s=s.since_s) for s in waiting(wait("b", "c"))]
    finding = found([waiting(wait("a", "b")), spinning, BUSY["idle"]], ["a", "b", "c"])
    assert finding.verdict is Verdict.IDLE
    assert finding.role == "c"


def test_a_stopped_rank_is_stopped_whatever_it_said_before():
    stopped = waiting(wait("b", "a"), state="T")
    finding = found([waiting(wait("a", "b")), stopped], ["a", "b"])
    assert (finding.verdict, finding.role) == (Verdict.STOPPED, "b")


def test_roles_of_a_rank_are_told_apart():
    """One is through with its windows; what it sent must have come long ago."""
    two = waiting(wait("b", "c"))
    finding = found([waiting(wait("a", "bb")), two, BUSY["computes"]], [["a"], ["b", "bb"], ["c"]])
    assert (finding.verdict, finding.role) == (Verdict.FINISHED, "bb")
    young = waiting(wait("a", "bb", waited_s=3.0))
    finding = found([young, two, BUSY["computes"]], [["a"], ["b", "bb"], ["c"]])
    assert finding.verdict is Verdict.UNSETTLED


@pytest.mark.parametrize(
    ("state", "cpu_s", "verdict"), [("S", 1.0, Verdict.IDLE), ("R", 2.0, Verdict.COMPUTING)]
)
def test_leaving_together_is_a_wait_as_any_other(state, cpu_s, verdict):
    leaving = waiting(wait("a", "b", channel=""), phase=END)
    closing = (Statement(END, 40, (), state, 1.0), Statement(END, 41, (), state, cpu_s))
    finding = found([leaving, closing], ["a", "b"])
    assert finding.verdict is verdict
    assert "a waits at the end of the run for b (40 s)" in finding.text()
    # Whoever waits for a block of a rank that is at its end waits in vain.
    finding = found([waiting(wait("a", "b")), closing], ["a", "b"])
    assert finding.verdict is (Verdict.FINISHED if state == "R" else Verdict.IDLE)


def test_the_surest_of_several_ends_is_told_wherever_it_is():
    statements = [
        waiting(wait("a", "b")), BUSY["computes"],
        waiting(wait("c", "d")), BUSY["idle"],
        waiting(wait("e", "f")), BUSY["stopped"],
    ]  # fmt: skip
    finding = found(statements, ["a", "b", "c", "d", "e", "f"])
    assert (finding.verdict, finding.role) == (Verdict.STOPPED, "f")
    finding = found(statements[:4], ["a", "b", "c", "d"])
    assert (finding.verdict, finding.role) == (Verdict.IDLE, "d")
    finding = found(statements[:2], ["a", "b"])
    assert (finding.verdict, finding.role) == (Verdict.COMPUTING, "b")


def test_who_does_not_wait_has_nothing_to_ask():
    assert found([BUSY["computes"], BUSY["runs"]], ["a", "b"]) is None


@st.composite
def jobs(draw):
    """Draw who runs where, what each rank does, and for whom each role waits if its rank does."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    ranks = [[f"r{i}{chr(97 + j)}" for j in range(n)] for i, n in enumerate(sizes)]
    roles = [role for names in ranks for role in names]
    statements, peers = [], {}
    for names in ranks:
        what = draw(st.sampled_from(["waits", "waits", "waits", *BUSY]))
        if what == "waits":
            peers |= {role: draw(st.sampled_from(roles)) for role in names}
            statements.append(waiting(*(wait(role, peers[role]) for role in names)))
        else:
            statements.append(BUSY[what])
    return ranks, statements, peers


def circles(peers):
    """Return the roles that come back to themselves from peer to peer."""
    found = set()
    for role in peers:
        at = role
        for _ in peers:
            at = peers.get(at)
            if at == role:
                found.add(role)
    return found


@given(jobs())
def test_every_circle_is_found_and_none_is_made_up(job):
    ranks, statements, peers = job
    finding = found(statements, ranks)
    mine = circles(peers)
    if finding is None:
        assert not mine
        return
    # Each link waits for the next.
    for link, following in zip(finding.chain, finding.chain[1:], strict=False):
        assert peers[link.role] == link.peer == following.role
    if finding.verdict is Verdict.DEADLOCK:
        assert {w.role for w in finding.chain} <= mine
        assert finding.chain[-1].peer == finding.chain[0].role
    else:
        surer = {Verdict.STOPPED, Verdict.GONE}
        assert not mine or finding.verdict in surer
        assert finding.chain[-1].peer == finding.role
    assert finding.text()


@given(jobs(), st.permutations(range(5)))
def test_who_asks_does_not_matter_for_what_is_fatal(job, askers):
    ranks, statements, _ = job
    verdicts = [found(statements, ranks, rank % len(ranks)) for rank in askers]
    fatal = {f.verdict if f is not None and f.verdict.fatal else None for f in verdicts}
    assert len(fatal) == 1
