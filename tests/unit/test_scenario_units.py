"""Quantities and times: what is written is what is meant."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cosim.clock import Clock, to_ns
from cosim.scenario.conversions import gain_between, gain_from_hz, gain_to_hz
from cosim.scenario.model import Activity
from cosim.units import UNITS, format_ms, parse, split_quantity

NUMBERS = st.decimals(-(10**6), 10**6, allow_nan=False, places=4)
EVERY_UNIT = [(canonical, unit) for canonical, units in UNITS.items() for unit in units]
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.none()),
)


@given(st.sampled_from(EVERY_UNIT), NUMBERS, st.sampled_from(["", " ", "  "]))
def test_a_quantity_is_its_decimal_number_times_its_unit(which, number, space):
    canonical, unit = which
    assume(space or not unit[0].isdigit())  # 51/s is 51 of something per second
    exact = Decimal(str(UNITS[canonical][unit])) * number
    found = parse(f"{number}{space}{unit}", canonical)
    assert found == pytest.approx(float(exact), rel=1e-15, abs=0)


@given(st.sampled_from(sorted(UNITS)), st.floats(allow_nan=False, allow_infinity=False))
def test_canonical_units_change_no_bit(canonical, number):
    assert parse(f"{number!r} {canonical}", canonical) == number


@given(st.integers(0, 10**9))
def test_decimal_times_in_other_units_are_exact(us):
    assert parse(f"{us} us", "ms") == us / 1000
    assert to_ns(parse(f"{us} us", "ms")) == us * 1000


@given(st.sampled_from(sorted(UNITS)), JUNK)
def test_what_is_no_quantity_of_the_dimension_is_refused_with_the_units_that_fit(canonical, junk):
    parts = split_quantity(junk) if isinstance(junk, str) else None
    assume(parts is None or parts[1] not in UNITS[canonical])
    with pytest.raises(ValueError, match="expected a number with a unit") as refused:
        parse(junk, canonical)
    assert all(unit in str(refused.value) for unit in UNITS[canonical])


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_overflows_is_refused(number):
    with pytest.raises(ValueError, match="not finite"):
        parse(f"{number} ms", "ms")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("4 m/s", (4.0, "m/s")), ("4m/s", (4.0, "m/s")), (" .5 ms ", (0.5, "ms")),
        ("1.e3 1/s", (1000.0, "1/s")), ("-2", (-2.0, "")), ("+1E-2Hz", (0.01, "Hz")),
        ("ms", None), ("", None), ("1 2 ms", None), ("1,5 ms", None), ("inf ms", None),
        ("0x10 ms", None), ("51/s", (51.0, "/s")), ("5 1/s", (5.0, "1/s")),
    ],
)
def test_splitting(text, parts):
    assert split_quantity(text) == parts


@given(st.integers(1, 10**7), st.integers(1, 10**6), st.integers(0, 10**9))
def test_ticks_survive_the_way_through_milliseconds(tick_ns, window, ticks):
    clock = Clock(tick_ns, window, window)
    assume(ticks * tick_ns < 2**52)
    assert clock.ticks(clock.ms(ticks)) == ticks


@given(st.integers(2, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_time_between_two_ticks_is_refused(tick_ns, ticks, beyond):
    assume(beyond % tick_ns)
    clock = Clock(tick_ns, 1, 1)
    with pytest.raises(ValueError, match="no multiple of"):
        clock.ticks((ticks * tick_ns + beyond) / 1e6)


@given(st.integers(0, 10**6), st.floats(0.01, 0.99))
def test_a_time_between_two_nanoseconds_is_refused(ns, part):
    assume(0.002 < part < 0.998)
    with pytest.raises(ValueError, match="whole number of nanoseconds"):
        to_ns((ns + part) / 1e6)


@given(st.integers(1, 1000), st.integers(1, 50), st.integers(-40, 40))
def test_windows_tile_time(window, count, index):
    clock = Clock(100_000, window, window * count)
    assert clock.windows == count
    now, after = clock.at(index), clock.at(index + 1)
    assert now.stop == after.start
    assert now.stop - now.start == window
    assert clock.at(0).start == 0
    assert clock.at(count - 1).stop == clock.duration


@given(st.integers(0, 10**6))
def test_a_time_for_people_is_read_back(us):
    assume(len(str(us).rstrip("0")) <= 6)
    assert parse(format_ms(us / 1000), "ms") == us / 1000


RATE, GATE = Activity(of="r", unit="kHz"), Activity(of="S", unit="1")


@given(st.integers(-1000, 1000))
def test_gains_there_and_back_again(gain):
    assert gain_to_hz(f"{gain} Hz", GATE) == gain
    assert gain_to_hz(gain, None) == gain
    assert gain_to_hz(gain, RATE) == gain * 1000
    assert gain_from_hz(f"{gain} /Hz", GATE) == gain_from_hz(f"{gain} s", None) == gain
    assert gain_from_hz(gain, RATE) == gain / 1000
    assert gain_between(gain, GATE, GATE) == gain_between(gain, GATE, None) == gain
    assert gain_between(f"{gain} kHz", GATE, RATE) == gain
    assert gain_between(f"{gain} /kHz", RATE, GATE) == pytest.approx(gain)
    assert gain_between(gain, RATE, RATE) == gain


@pytest.mark.parametrize(
    ("convert", "gain", "activities"),
    [
        (gain_to_hz, 3, (GATE,)), (gain_to_hz, "3 /Hz", (GATE,)), (gain_to_hz, "3 Hz", (RATE,)),
        (gain_to_hz, "3 Hz", (None,)), (gain_from_hz, 3, (GATE,)), (gain_from_hz, "3 Hz", (None,)),
        (gain_from_hz, "3 /Hz", (RATE,)), (gain_between, "3 Hz", (GATE, GATE)),
        (gain_between, 3, (GATE, RATE)), (gain_between, 3, (RATE, GATE)),
        (gain_between, "3 Hz", (RATE, RATE)), (gain_to_hz, "three", (RATE,)),
    ],
)
def test_a_gain_of_the_wrong_dimension_is_refused(convert, gain, activities):
    with pytest.raises(ValueError, match="expected"):
        convert(gain, *activities)
