"""Blocks survive their way through bytes, and strange headers are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import BorderError
from cosim.links import wire
from cosim.messages import Signal, SpikeBatch
from cosim.plan.model import HEADER_BYTES

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@st.composite
def signals(draw):
    rows, columns = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    values = draw(st.lists(FLOATS, min_size=rows * columns, max_size=rows * columns))
    array = np.array(values, np.float64).reshape(rows, columns)
    # What adapters emit need not lie in C order.
    array = draw(st.sampled_from([array, np.asfortranarray(array), array[::-1]]))
    return Signal(draw(st.integers(-(2**40), 2**40)), draw(st.integers(1, 100)), array)


@st.composite
def batches(draw):
    start = draw(st.integers(-(2**40), 2**40))
    ticks = draw(st.lists(st.integers(start + 1, start + 50), max_size=40))
    senders = draw(st.lists(st.integers(0, 2**31 - 1), min_size=len(ticks), max_size=len(ticks)))
    return SpikeBatch.ordered(
        start, start + 50, np.array(ticks, np.int64), np.array(senders, np.int32)
    )


def assert_same(one, other):
    assert type(one) is type(other)
    for name, mine in vars(one).items():
        theirs = getattr(other, name)
        if isinstance(mine, np.ndarray):
            assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
            assert mine.tobytes() == theirs.tobytes()
        else:
            assert mine == theirs


@given(st.one_of(signals(), batches()), st.integers(-5, 2**40))
def test_what_goes_in_comes_out(block, index):
    header, parts = wire.encode(index, block)
    payload = np.concatenate(parts)
    assert len(header) == HEADER_BYTES
    assert wire.payload_bytes(header) == len(payload)
    found, decoded = wire.decode(header, payload)
    assert found == index
    assert_same(block, decoded)


@given(batches())
def test_a_decoded_block_owns_its_data(block):
    header, parts = wire.encode(0, block)
    payload = np.concatenate(parts)
    _, decoded = wire.decode(header, payload)
    payload[:] = 0xFF
    header[:] = 0xFF
    assert_same(block, decoded)


@given(st.one_of(signals(), batches()), st.integers(-5, 2**40))
def test_a_frame_holds_what_encoding_gives(block, index):
    header, parts = wire.encode(index, block)
    payload = np.concatenate(parts)
    frame = wire.Frame(len(payload) + -len(payload) % 8, (2, 3))
    assert frame.write(index, block) == len(payload)
    assert frame.data[: HEADER_BYTES + len(payload)].tobytes() == (
        header.tobytes() + payload.tobytes()
    )
    assert_same(block, frame.read(wire.read_head(frame.data)))


@given(st.one_of(signals(), batches()))
def test_data_may_be_received_into_a_vacant_block(block):
    header, parts = wire.encode(0, block)
    made = wire.vacant(wire.read_head(header))
    for into, part in zip(wire.parts_of(made), parts, strict=True):
        into[:] = part
    assert_same(block, made)


def header(**changes):
    made, _ = wire.encode(3, SpikeBatch.empty(0, 10))
    for name, value in changes.items():
        made.view(wire.HEADER)[name] = value
    return made


def test_another_version_is_refused():
    with pytest.raises(BorderError, match="version 2 came; this is 1"):
        wire.payload_bytes(header(version=2))


def test_an_unknown_kind_is_refused():
    with pytest.raises(BorderError, match="unknown kind 7"):
        wire.payload_bytes(header(kind=7))
