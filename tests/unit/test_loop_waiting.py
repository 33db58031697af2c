"""Who runs next, who waits for whom, and what is said when nobody can."""

import re
from collections import deque

import pytest

from cosim.clock import Clock
from cosim.errors import BorderError, PeerFailed, RoleFailed, WouldHang
from cosim.links.memory import MemoryLink, pair
from cosim.loop import Loop
from cosim.messages import SpikeBatch
from cosim.patience import LONGEST_S, SPINS, Patience
from cosim.plan.model import ChannelPlan
from cosim.roles.base import Role

CLOCK = Clock(tick_ns=100_000, window=10, duration=50)


class Relay(Role):
    """Passes on nothing, window by window; does something first if asked to."""

    def __init__(self, name, inlets, outlets, order, *, windows=CLOCK.windows, do=None):
        super().__init__(name, f"V-{name}", CLOCK, inlets, outlets, windows)
        self.order, self.do = order, do or (lambda window: None)

    def work(self, window):
        self.do(window.index)
        for inlet in self.inlets:
            if window.index - inlet.lag <= inlet.last:
                self.take(inlet)
        for outlet in self.outlets:
            self.put(outlet, window.index, SpikeBatch.empty(window.start, window.stop))
        self.order.append((self.name, window.index))


class Alone:
    others = False

    def __init__(self):
        self.attended = 0

    def attend(self, roles):
        self.attended += 1


class Sink:
    def __init__(self):
        self.rows = []

    def append(self, row):
        self.rows.append(row)


def channel(source, target, lag):
    name = f"{source}:x -> {target}:y"
    return ChannelPlan(name, source, "x", target, "y", lag, CLOCK.windows - 1 - lag, 0, 5)


class Waiting:
    """Keeps what it is told, and what the roles wait for."""

    def __init__(self, do=lambda: None):
        self.do, self.said, self.waits = do, [], []

    def begin(self):
        self.said.append("begin")

    def still(self, waits):
        self.said.append("still")
        self.waits = waits()
        self.do()

    def over(self):
        self.said.append("over")

    def saw(self, window_s):
        assert window_s >= 0


def loop_of(roles, watch=None, *, sinks=None, waiting=None):
    waiting = waiting or Waiting()
    return Loop(roles, sinks or {}, watch or Alone(), Patience(spin=False), 3, waiting, 0.0)


def ring(order, *, primed, lag=1, do=None):
    """Return two roles that feed each other."""
    there, there_in = pair(channel("one", "two", lag))
    back, back_in = pair(channel("two", "one", lag))
    if primed:
        for i in range(-lag, 0):
            for link in (there, back):
                link.put(i, SpikeBatch.empty(i * 10, i * 10 + 10))
    return [
        Relay("one", [back_in], [there], order, do=do),
        Relay("two", [there_in], [back], order),
    ]


def test_the_role_with_the_earliest_window_comes_first():
    """Although the source could run on until its channel is full."""
    order = []
    there, inlet = pair(channel("source", "target", 3))
    for i in range(-3, 0):
        there.put(i, SpikeBatch.empty(i * 10, i * 10 + 10))
    target = Relay("target", [inlet], [], order)
    loop_of([Relay("source", [], [there], order), target]).run()
    assert [i for _, i in order] == [i for i in range(CLOCK.windows) for _ in range(2)]


def test_roles_that_feed_each_other_go_through_all_windows():
    order = []
    loop_of(ring(order, primed=True)).run()
    assert sorted(order) == [(n, i) for n in ("one", "two") for i in range(CLOCK.windows)]


def test_roles_in_the_wrong_order_run_all_the_same():
    order = []
    there, inlet = pair(channel("source", "target", 0))
    target = Relay("target", [inlet], [], order)
    loop_of([target, Relay("source", [], [there], order)]).run()
    assert [name for name, i in order if i == 0] == ["source", "target"]
    assert len(order) == 2 * CLOCK.windows


def test_all_waiting_for_each_other_is_said_not_suffered():
    roles = ring([], primed=False)
    with pytest.raises(WouldHang) as caught:
        loop_of(roles).run()
    assert str(caught.value) == (
        "one waits in window 0 for two on 'two:x -> one:y'; "
        "two waits in window 0 for one on 'one:x -> two:y'"
    )


def test_a_full_channel_is_waited_for_by_name():
    there, _ = pair(channel("source", "sleeper", 0))
    with pytest.raises(WouldHang, match=r"source waits in window 2 for sleeper on 'source:x"):
        loop_of([Relay("source", [], [there], [])]).run()


class Elsewhere(Alone):
    """Another process that now and then takes from a channel, or does something else."""

    others = True

    def __init__(self, do=lambda: None):
        super().__init__()
        self.do = do

    def attend(self, roles):
        super().attend(roles)
        self.do()


def test_whoever_watches_over_waits_ends_them_and_knows_for_whom():
    def give_up():
        raise RoleFailed("two", 1, 0, "it is gone")

    waiting = Waiting(give_up)
    with pytest.raises(RoleFailed, match="it is gone"):
        loop_of(ring([], primed=False), Elsewhere(), waiting=waiting).run()
    assert waiting.said == ["begin", "still"]
    assert [(w.role, w.window, w.channel, w.peer) for w in waiting.waits] == [
        ("one", 0, "two:x -> one:y", "two"), ("two", 0, "one:x -> two:y", "one"),
    ]  # fmt: skip


def test_each_wait_begins_and_ends():
    there, taken = pair(channel("source", "slow", 0))
    index = iter(range(CLOCK.windows))
    polls = []

    def take_slowly():
        polls.append(1)
        if len(polls) % 5 == 0 and taken.ready() and not there.room():
            taken.take(next(index))

    order = []
    waiting = Waiting()
    loop_of([Relay("source", [], [there], order)], Elsewhere(take_slowly), waiting=waiting).run()
    assert len(order) == CLOCK.windows
    said = "".join(word[0] for word in waiting.said)
    assert re.fullmatch("(bs+o)+", said)
    assert said.count("b") == CLOCK.windows - 2


def test_the_watch_is_asked_before_the_first_window_and_while_waiting():
    seen = []

    class Watch(Elsewhere):
        def attend(self, roles):
            seen.append([role.window for role in roles])
            if len(seen) > 5:
                raise PeerFailed("it was the other one")

    with pytest.raises(PeerFailed):
        loop_of(ring([], primed=False), Watch()).run()
    assert seen == [[0, 0]] * 6

    order = []
    seen.clear()

    class Counting(Alone):
        def attend(self, roles):
            seen.append(len(order))

    loop_of(ring(order, primed=True), Counting()).run()
    assert seen == list(range(2 * CLOCK.windows + 1))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("bad luck"), "region V-one failed in window 2: ValueError: bad luck"),
        (BorderError("a NaN"), "region V-one failed in window 2: a NaN"),
        (BorderError("a NaN", "V1"), "region V1 failed in window 2: a NaN"),
    ],
)
def test_a_failing_role_is_named_with_its_window(error, said):
    def fail(window):
        if window == 2:
            raise error

    with pytest.raises(RoleFailed) as caught:
        loop_of(ring([], primed=True, do=fail)).run()
    assert str(caught.value) == f"role one on rank 3, {said}"
    assert caught.value.__cause__ is error


def test_a_message_that_cannot_be_read_names_the_role():
    class Garbled(MemoryLink):
        def ready(self):
            raise BorderError("a message of version 9 came; this is 1")

    inlet = Garbled(channel("other", "one", 1), "other", deque())
    with pytest.raises(RoleFailed, match=r"role one on rank 3, .* window 0: .*version 9"):
        loop_of([Relay("one", [inlet], [], [])]).run()


def test_timing_has_a_row_a_window_and_names_who_was_waited_for():
    there, inlet = pair(channel("source", "target", 0))
    sent = iter(range(CLOCK.windows))
    calls = []

    def send_now_and_then():
        calls.append(1)
        if len(calls) % 30 == 0:
            i = next(sent)
            there.put(i, SpikeBatch.empty(i * 10, i * 10 + 10))

    sink = Sink()
    target = Relay("target", [inlet], [], [])
    loop_of([target], Elsewhere(send_now_and_then), sinks={"target": sink}).run()
    assert [row.window for row in sink.rows] == list(range(CLOCK.windows))
    assert {row.waited_for for row in sink.rows} == {0}
    assert target.peers == ("source",)
    for row, following in zip(sink.rows, sink.rows[1:], strict=False):
        assert row.wait_s > 0
        end_s = row.begin_s + row.wait_s + row.exchange_s + row.compute_s
        assert end_s <= following.begin_s + 1e-6


def test_nobody_is_waited_for_when_all_is_there():
    sinks = {"one": Sink(), "two": Sink()}
    loop_of(ring([], primed=True), sinks=sinks).run()
    for sink in sinks.values():
        assert [row.window for row in sink.rows] == list(range(CLOCK.windows))
        assert {(row.waited_for, row.wait_s) for row in sink.rows} == {(-1, 0.0)}


def test_patience_backs_off_up_to_a_limit_and_forgets(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    patience = Patience(spin=False)
    for _ in range(SPINS + 300):
        patience.pause()
    assert len(slept) == 300
    assert slept == sorted(slept)
    assert slept[-1] == LONGEST_S
    patience.reset()
    patience.pause()
    assert len(slept) == 300


def test_patience_outlasts_a_wait_of_minutes(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    patience = Patience(spin=False)
    for _ in range(200_000):
        patience.pause()
    assert sum(slept) > 60
    assert max(slept) == slept[-1] == LONGEST_S


def test_patience_that_spins_never_sleeps(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("slept"))
    patience = Patience(spin=True)
    for _ in range(1000):
        patience.pause()
