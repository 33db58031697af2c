"""Tapes: what was written comes back bit by bit, and a torn end is no part of it."""

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.clock import Clock
from cosim.errors import BorderError
from cosim.messages import Signal, SpikeBatch
from cosim.plan.model import ChannelPlan
from cosim.tapes import Deck, Reel, RepeatingOutlet, TapeDamaged, TapedInlet
from cosim.tapes.ends import difference, same
from cosim.tapes.reel import Tape, tape_path

CHANNEL = "A:spikes.E -> A.E.to.B:in / with a slash"
VALUES = ChannelPlan(CHANNEL, "A", "spikes.E", "A.E.to.B", "in", 1, 99, 2, 1)
SPIKES = replace(VALUES, rows=0, columns=9)
CLOCK = Clock(100_000, 10, 10_000)
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def blocks(draw):
    start = draw(st.integers(-50, 50)) * 10
    if draw(st.booleans()):
        columns = draw(st.integers(1, 3))
        values = draw(st.lists(finite, min_size=2 * columns, max_size=2 * columns))
        return Signal(start, 5, np.array(values).reshape(2, columns))
    count = draw(st.integers(0, 5))
    ticks = draw(st.lists(st.integers(start + 1, start + 10), min_size=count, max_size=count))
    senders = draw(st.lists(st.integers(0, 99), min_size=count, max_size=count))
    return SpikeBatch.ordered(
        start, start + 10, np.array(ticks, np.int64), np.array(senders, np.int32)
    )


def write(folder, written):
    tape = Tape(folder, CHANNEL)
    for index, block in enumerate(written, -2):
        tape.append(index, block)
    tape.close()


@given(st.lists(blocks(), max_size=6))
def test_what_was_taped_comes_back(written):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), written)
        reel = Reel(Path(folder), CHANNEL)
        assert reel.count == reel.left == len(written)
        for index, block in enumerate(written, -2):
            found, again = reel.next()
            assert found == index
            assert same(block, again)
        with pytest.raises(TapeDamaged, match="ends after"):
            reel.next()
        reel.close()


@settings(max_examples=50)
@given(st.lists(blocks(), min_size=1, max_size=4), st.data())
def test_a_torn_end_costs_the_torn_block_only(written, data):
    with tempfile.TemporaryDirectory() as folder:
        sizes = []
        for count in range(len(written) + 1):
            write(Path(folder), written[:count])
            sizes.append(tape_path(Path(folder), CHANNEL).stat().st_size)
        path = tape_path(Path(folder), CHANNEL)
        whole = path.read_bytes()
        cut = data.draw(st.integers(sizes[0], len(whole)))
        junk = data.draw(st.binary(max_size=80))
        path.write_bytes(whole[:cut] + junk)
        reel = Reel(Path(folder), CHANNEL)
        expected = sum(size <= cut for size in sizes[1:])
        # Junk that happens to complete the torn block is that block.
        assert reel.count >= expected
        for block in written[: reel.count]:
            assert same(reel.next()[1], block)
        reel.close()


@pytest.mark.parametrize("content", [b"", b"cosim tape 1\n", b"something else entirely" * 9])
def test_what_is_no_tape_of_the_channel_is_refused(tmp_path, content):
    with pytest.raises(TapeDamaged, match="cannot be read"):
        Reel(tmp_path, CHANNEL)
    tape_path(tmp_path, CHANNEL).write_bytes(content)
    with pytest.raises(TapeDamaged, match="is no tape of"):
        Reel(tmp_path, CHANNEL)
    assert Deck(None, [tmp_path]).earlier(CHANNEL) is None


def test_the_longest_of_several_attempts_counts(tmp_path):
    written = [Signal(10 * i, 5, np.full((2, 1), float(i))) for i in range(4)]
    folders = []
    for count in (2, 4, 3):
        folders.append(tmp_path / str(count))
        folders[-1].mkdir()
        write(folders[-1], written[:count])
    deck = Deck(tmp_path / "new", [*folders, tmp_path / "none"])
    assert deck.earlier(CHANNEL).count == 4
    assert Deck(None).tape(CHANNEL) is None
    deck.close()


class Queue:
    """Both ends of a channel, of whose live part the test decides."""

    name, peer, lag, last = CHANNEL, "B", 2, 99

    def __init__(self, blocks=(), *, room=True):
        self.blocks, self.room_left, self.sent = list(blocks), room, []

    def ready(self):
        return bool(self.blocks)

    def take(self, index):
        return self.blocks.pop(0)

    def room(self):
        return self.room_left

    def put(self, index, block):
        self.sent.append((index, block))

    def delivered(self):
        return True


def signal(index, value=0.0):
    return Signal(10 * index, 5, np.full((2, 1), float(index) + value))


def test_an_inlet_repeats_then_goes_on_live_and_tapes_both(tmp_path):
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    write(earlier, [signal(-2), signal(-1)])
    deck = Deck(tmp_path / "now", [earlier])
    live = Queue()
    inlet = TapedInlet(live, deck.earlier(CHANNEL), deck.tape(CHANNEL), VALUES)
    for index in (-2, -1):
        assert inlet.ready()
        assert same(inlet.take(index), signal(index))
    assert not inlet.ready()
    live.blocks.append(signal(0))
    assert inlet.ready()
    inlet.take(0)
    deck.close()
    with closing(Reel(tmp_path / "now", CHANNEL)) as reel:
        assert reel.count == 3


def test_an_inlet_refuses_a_tape_of_other_windows(tmp_path):
    write(tmp_path, [signal(-2)])
    with closing(Reel(tmp_path, CHANNEL)) as reel:
        inlet = TapedInlet(Queue(), reel, None, VALUES)
        with pytest.raises(BorderError, match="has window -2, 5 was due"):
            inlet.take(5)


def spikes(ticks, senders):
    return SpikeBatch(-10, 0, np.array(ticks, np.int64), np.array(senders, np.int32))


@pytest.mark.parametrize(
    ("channel", "block", "said"),
    [
        (VALUES, spikes([-1], [0]), "spikes where values are carried"),
        (SPIKES, signal(-1), "values where spikes are carried"),
        (VALUES, Signal(-5, 5, np.zeros((2, 1))), "ticks -5 to 5 are not those of the window"),
        (VALUES, Signal(-1000, 5, np.zeros((2, 1))), "are not those of the window"),
        (VALUES, Signal(-10, 5, np.zeros((0, 1))), "are not those of the window"),
        (VALUES, Signal(-10, 10, np.zeros((1, 1))), r"\(1, 1\) values where \(2, 1\) are"),
        (VALUES, Signal(-10, 5, np.full((2, 1), np.nan)), "not finite"),
        (SPIKES, spikes([-10], [0]), "a spike is outside of the window"),
        (SPIKES, spikes([1], [0]), "a spike is outside of the window"),
        (SPIKES, spikes([-1], [9]), "a spike of sender 9 where there are 9"),
        (SPIKES, spikes([-1], [-1]), "a spike of sender -1"),
        (SPIKES, spikes([-1, -2], [0, 0]), "not in order"),
    ],
)
def test_a_forged_block_is_refused_with_file_and_window(tmp_path, channel, block, said):
    tape = Tape(tmp_path, CHANNEL)
    tape.append(-1, block)
    tape.close()
    name = tape_path(tmp_path, CHANNEL).name
    with closing(Reel(tmp_path, CHANNEL)) as reel:
        inlet = TapedInlet(Queue(), reel, None, channel)
        with pytest.raises(BorderError, match=rf"the tape {name} has in window -1: .*{said}"):
            inlet.take(-1)


def test_an_outlet_compares_what_is_known_and_sends_the_rest(tmp_path):
    write(tmp_path, [signal(-2), signal(-1)])
    live, told = Queue(room=False), []
    with closing(Reel(tmp_path, CHANNEL)) as reel:
        outlet = RepeatingOutlet(live, reel, lambda index, *pair: told.append((index, pair)))
        assert outlet.room()
        outlet.put(-2, signal(-2))
        outlet.put(-1, signal(-1))
        assert told == []
        assert not outlet.room()
        live.room_left = True
        outlet.put(0, signal(0))
    assert [index for index, _ in live.sent] == [0]


def test_an_outlet_tells_what_differs(tmp_path):
    write(tmp_path, [signal(1), signal(2)])
    told = []
    with closing(Reel(tmp_path, CHANNEL)) as reel:
        outlet = RepeatingOutlet(Queue(), reel, lambda index, *pair: told.append((index, *pair)))
        outlet.put(-2, signal(1, 0.5))
        outlet.put(-1, signal(2))
    ((index, record, now),) = told
    assert index == -2
    assert difference(record, now, CLOCK) == "1.5 instead of 1 at 1.5 ms, column 0"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ([3, 7], [3], "a spike is missing at 0.7 ms, sender 1"),
        ([3], [3, 5], "a spike too many at 0.5 ms, sender 1"),
        ([3], [4], "a spike is missing at 0.3 ms, sender 0"),
    ],
)
def test_differences_of_spikes_are_told_by_the_first(old, new, said):
    batches = [
        SpikeBatch(0, 10, np.array(t, np.int64), np.arange(len(t), dtype=np.int32))
        for t in (old, new)
    ]
    assert difference(*batches, CLOCK) == said
