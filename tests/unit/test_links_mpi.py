"""Channels over a pretended MPI that delays, and completes in any order it likes."""

import random
from collections import defaultdict, deque
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import BorderError
from cosim.links import wire
from cosim.links.base import depth
from cosim.links.mpi import INLINE_BYTES, MpiInlet, MpiOutlet
from cosim.messages import Signal, SpikeBatch
from cosim.plan.model import SPIKE_BYTES, ChannelPlan

ROWS, COLUMNS, LENGTH = 4, 3, 8
MANY = INLINE_BYTES // SPIKE_BYTES


class Operation:
    def __init__(self, buffer):
        self.buffer, self.complete = buffer, False

    def Test(self):
        return self.complete


class Prepared:
    """An operation that may be started again once it is complete, as MPI has it."""

    def __init__(self, mpi, queue, buffer):
        self._mpi, self._queue, self._buffer = mpi, queue, buffer
        self._operation = None

    def Start(self):
        assert self._operation is None or self._operation.complete, "it is still under way"
        self._operation = self._mpi.start(self._queue, self._buffer)

    def Test(self):
        return self._operation.Test()


class PretendedMpi:
    """Matches sends and receives in order by tag, as MPI must; completes them when it likes."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._sends, self._receives = defaultdict(deque), defaultdict(deque)
        self._matched, self._late = [], []

    def send(self, buffer, rank, tag):
        return self.start(self._sends[tag], buffer)

    def receive(self, buffer, rank, tag):
        return self.start(self._receives[tag], buffer)

    def sender(self, buffer, rank, tag):
        return Prepared(self, self._sends[tag], buffer)

    def receiver(self, buffer, rank, tag):
        return Prepared(self, self._receives[tag], buffer)

    def start(self, queue, buffer):
        operation = Operation(buffer)
        queue.append(operation)
        return operation

    def progress(self):
        """Match whatever can be, move some of the data, tell some of those whose data moved."""
        for tag, sends in self._sends.items():
            while sends and self._receives[tag]:
                sent, received = sends.popleft(), self._receives[tag].popleft()
                assert len(sent.buffer) <= len(received.buffer), "the message would be truncated"
                self._matched.append((sent, received))
        self._random.shuffle(self._matched)
        for _ in range(self._random.randint(0, len(self._matched))):
            sent, received = self._matched.pop()
            received.buffer[: len(sent.buffer)] = sent.buffer
            self._late += [sent, received]
        self._random.shuffle(self._late)
        for _ in range(self._random.randint(0, len(self._late))):
            self._late.pop().complete = True

    def idle(self):
        return not any(self._sends.values()) and not any(self._receives.values())


def channel(*, lag, windows, spikes, rows=ROWS):
    rows, columns = (0, 50) if spikes else (rows, COLUMNS)
    return ChannelPlan("a:x -> b:y", "a", "x", "b", "y", lag, windows - 1 - lag, rows, columns)


def signal(index, draw):
    return rows_of(index, ROWS, draw)


def rows_of(index, rows, draw):
    return Signal(index * LENGTH, 2, draw.normal(size=(rows, COLUMNS)))


def batch(index, count, draw):
    start = index * LENGTH
    ticks = draw.integers(start + 1, start + LENGTH + 1, count)
    senders = draw.integers(0, 50, count).astype(np.int32)
    return SpikeBatch.ordered(start, start + LENGTH, ticks, senders)


def blocks_for(plan, counts, seed):
    draw = np.random.default_rng(seed)
    indices = range(-plan.lag, plan.last + 1)
    made = [
        batch(i, counts[n % len(counts)], draw) if plan.spikes else rows_of(i, plan.rows, draw)
        for n, i in enumerate(indices)
    ]
    return list(zip(indices, made, strict=True))


def pump(plan, blocks, seed):
    """Send and take everything in a random order; return what came, and how far the sender led."""
    mpi, draw = PretendedMpi(seed), random.Random(seed + 1)
    outlet, inlet = MpiOutlet(plan, mpi, 1, 6), MpiInlet(plan, mpi, 0, 6)
    waiting, came, lead = deque(blocks), [], 0
    for _ in range(100_000):
        action = draw.choice(("put", "put", "take", "progress"))
        if action == "put" and waiting and outlet.room():
            outlet.put(*waiting.popleft())
        elif action == "take" and inlet.ready():
            came.append(inlet.take(blocks[len(came)][0]))
        elif action == "progress":
            mpi.progress()
        lead = max(lead, len(blocks) - len(waiting) - len(came))
        if len(came) == len(blocks) and outlet.delivered():
            return mpi, came, lead
    return pytest.fail("the blocks do not arrive")


def assert_same(mine, theirs):
    assert type(mine) is type(theirs)
    for field in fields(mine):
        assert np.array_equal(getattr(mine, field.name), getattr(theirs, field.name)), field.name


COUNTS = st.lists(
    st.sampled_from([0, 1, 7, MANY - 1, MANY, MANY + 1, 3 * MANY]), min_size=1, max_size=6
)


@given(
    lag=st.integers(0, 4),
    windows=st.integers(1, 25),
    spikes=st.booleans(),
    counts=COUNTS,
    seed=st.integers(0, 2**20),
)
def test_everything_arrives_once_in_order(lag, windows, spikes, counts, seed):
    plan = channel(lag=lag, windows=windows, spikes=spikes)
    blocks = blocks_for(plan, counts, seed)
    mpi, came, _ = pump(plan, blocks, seed)
    assert len(came) == len(blocks)
    for (_, sent), received in zip(blocks, came, strict=True):
        assert_same(sent, received)
    assert mpi.idle(), "a receive stays open, with which MPI cannot be left"


@given(lag=st.integers(0, 2), seed=st.integers(0, 2**20))
def test_signals_too_long_for_one_message_arrive_in_order(lag, seed):
    rows = INLINE_BYTES // 8 // COLUMNS + 1
    plan = channel(lag=lag, windows=8, spikes=False, rows=rows)
    blocks = blocks_for(plan, [0], seed)
    mpi, came, _ = pump(plan, blocks, seed)
    for (_, sent), received in zip(blocks, came, strict=True):
        assert_same(sent, received)
    assert mpi.idle(), "a receive stays open, with which MPI cannot be left"


@given(lag=st.integers(0, 4), seed=st.integers(0, 2**20))
def test_the_sender_never_leads_by_more_than_both_ends_hold(lag, seed):
    plan = channel(lag=lag, windows=60, spikes=True)
    _, _, lead = pump(plan, blocks_for(plan, [0, 5], seed), seed)
    assert lead <= 2 * depth(lag)


@pytest.mark.parametrize("lag", [0, 3])
def test_a_sender_whose_receiver_takes_nothing_stops(lag):
    plan = channel(lag=lag, windows=100, spikes=True)
    mpi = PretendedMpi(0)
    outlet, inlet = MpiOutlet(plan, mpi, 1, 6), MpiInlet(plan, mpi, 0, 6)
    blocks = blocks_for(plan, [0], 0)
    sent = 0
    for _ in range(1000):
        mpi.progress()
        inlet.ready()
        if outlet.room():
            outlet.put(*blocks[sent])
            sent += 1
    assert depth(lag) <= sent <= 2 * depth(lag)
    assert not outlet.delivered()


def carried(plan, index, block):
    """Return an inlet to which a block has come."""
    mpi = PretendedMpi(0)
    outlet, inlet = MpiOutlet(plan, mpi, 1, 6), MpiInlet(plan, mpi, 0, 6)
    outlet.put(index, block)
    poll(inlet, mpi)
    return inlet


def poll(inlet, mpi):
    for _ in range(1000):
        if inlet.ready():
            return
        mpi.progress()
    pytest.fail("nothing comes")


@pytest.mark.parametrize("count", [7, 3 * MANY])
def test_what_was_taken_stays_when_more_comes(count):
    plan = channel(lag=0, windows=20, spikes=True)
    blocks = blocks_for(plan, [count], 1)
    _, came, _ = pump(plan, blocks, 1)
    for (_, sent), received in zip(blocks, came, strict=True):
        # Each has memory of its own: whoever took it may write there.
        assert_same(sent, received)
        received.ticks[:], received.senders[:] = 0, 0


def test_another_window_than_the_due_one_is_refused():
    plan = channel(lag=1, windows=5, spikes=True)
    inlet = carried(plan, 2, SpikeBatch.empty(16, 24))
    with pytest.raises(BorderError, match=r"a:x -> b:y: window 2 came where 1 was due"):
        inlet.take(1)


def test_another_version_is_refused(monkeypatch):
    plan = channel(lag=1, windows=5, spikes=False)
    draw = np.random.default_rng(0)
    monkeypatch.setattr(wire, "VERSION", 9)
    mpi = PretendedMpi(0)
    outlet, inlet = MpiOutlet(plan, mpi, 1, 6), MpiInlet(plan, mpi, 0, 6)
    outlet.put(0, signal(0, draw))
    monkeypatch.undo()
    with pytest.raises(BorderError, match="version 9"):
        poll(inlet, mpi)
