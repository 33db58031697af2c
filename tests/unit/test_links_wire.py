"""Blocks survive their way through bytes, and strange headers are refused."""

from dataclasses import fields

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
    batch = SpikeBatch.ordered(
        start, start + 50, np.array(ticks, np.int64), np.array(senders, np.int32)
    )
    if draw(st.booleans()):
        return batch
    # As are the columns of a table.
    apart = np.zeros((2, len(ticks), 3), np.int64)
    apart[0, :, 1], apart[1, :, 1] = batch.ticks, batch.senders
    return SpikeBatch(start, start + 50, apart[0, :, 1], apart[1].astype(np.int32)[:, 1])


def assert_same(one, other):
    assert type(one) is type(other)
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
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
    found, read, whole = frame.read()
    assert (found, whole) == (index, True)
    assert_same(block, read)


@given(st.one_of(signals(), batches()))
def test_what_was_read_or_written_shares_no_memory_with_the_frame(block):
    _, parts = wire.encode(0, block)
    frame = wire.Frame(sum(map(len, parts)) // 8 * 8 + 8, (2, 3))
    frame.write(0, block)
    _, read, _ = frame.read()
    assert_same(block, read)
    frame.data[:] = 0xFF
    assert_same(block, read)
    assert all(part.flags.writeable for part in wire.parts_of(read))


@given(st.one_of(signals(), batches()))
def test_data_too_long_for_a_frame_may_be_received_into_the_block(block):
    _, parts = wire.encode(0, block)
    frame = wire.Frame(0)
    frame.write(0, block)
    _, made, whole = frame.read()
    assert whole == (not sum(map(len, parts)))
    for into, part in zip(wire.parts_of(made), parts, strict=True):
        into[:] = part
    assert_same(block, made)


@given(batches(), st.sampled_from([np.int16, np.uint32, np.int64]))
def test_numbers_of_other_types_arrive_as_those_of_the_block(batch, kind):
    """Whoever counts senders in another type is understood, whatever way the block goes."""
    expected = SpikeBatch(batch.start, batch.stop, batch.ticks, batch.senders % 1000)
    other = SpikeBatch(batch.start, batch.stop, batch.ticks, expected.senders.astype(kind))
    frame = wire.Frame(12 * len(batch.ticks) // 8 * 8 + 8)
    frame.write(0, other)
    assert_same(expected, frame.read()[1])
    header, parts = wire.encode(0, other)
    assert_same(expected, wire.decode(header, np.concatenate(parts))[1])


def test_times_and_senders_of_different_number_are_refused():
    frame = wire.Frame(240)
    with pytest.raises(ValueError, match="could not broadcast"):
        frame.write(0, SpikeBatch(0, 9, np.arange(1, 4), np.arange(2, dtype=np.int32)))


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
