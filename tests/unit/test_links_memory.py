"""The in-memory twin holds as much as the real one, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import BorderError, WouldHang
from cosim.links.base import depth
from cosim.links.memory import pair
from cosim.messages import SpikeBatch
from cosim.plan.model import ChannelPlan


def ends(lag=1):
    return pair(ChannelPlan("a:x -> b:y", "a", "x", "b", "y", lag, 9, 0, 5))


def batch(index):
    return SpikeBatch.empty(index * 4, index * 4 + 4)


def test_each_end_knows_the_other_side():
    outlet, inlet = ends()
    assert (outlet.peer, inlet.peer) == ("b", "a")


@given(st.integers(0, 5), st.lists(st.booleans(), max_size=60))
def test_blocks_come_in_order_and_are_never_more_than_the_depth(lag, puts):
    outlet, inlet = ends(lag)
    sent, taken = 0, 0
    for put in puts:
        assert outlet.room() == (sent - taken < depth(lag))
        assert inlet.ready() == (sent > taken)
        if put and outlet.room():
            outlet.put(sent, batch(sent))
            sent += 1
        elif not put and inlet.ready():
            assert inlet.take(taken).start == taken * 4
            taken += 1


def test_taking_from_nothing_would_hang():
    _, inlet = ends()
    with pytest.raises(WouldHang, match=r"a:x -> b:y: window 4 is taken before anyone"):
        inlet.take(4)


def test_another_window_than_the_due_one_is_refused():
    outlet, inlet = ends()
    outlet.put(3, batch(3))
    with pytest.raises(BorderError, match="window 3 came where 2 was due"):
        inlet.take(2)
