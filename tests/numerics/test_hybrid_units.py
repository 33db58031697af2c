"""Rates keep their size across borders, whatever unit the mean field counts in."""

import hybrid_pieces as pieces
import numpy as np
import pytest

#: Unit of the field's activity, spikes/s in one of it, and a gain to spikes/s and back.
UNITS = {
    "kHz": (1e3, 2.0, 0.5),
    "Hz": (1.0, 2.0, 0.5),
    "1": (None, "3 kHz", "20 ms"),
}
BACKGROUND_HZ, WEIGHT, COUPLING = 40.0, 0.5, 0.3


def scenario(folder, unit, **receives):
    """A field that starts at 0.1 and hears spikes at 20 ms, and neurons that hear the field."""
    _, into, out_of = UNITS[unit]
    weights = np.array([[0.0, WEIGHT], [1.0, 0.0]])
    pieces.write_brain(folder / "brain.zip", np.full((2, 2), 3.0), weights)
    source = pieces.parrots(
        [20.0],
        size=10,
        receives=[
            {
                "population": "ear",
                "from": ["field"],
                "gain": into,
                "background": f"{BACKGROUND_HZ} Hz",
                "synapse": {"weight": 1.0, "delay": "1 ms"},
                **receives,
            }
        ],
        sends=[
            {
                "population": "all",
                "to": ["field"],
                "as": "x",
                "gain": out_of,
                "through": {"rate": {"kernel": "exponential", "tau": "5 ms"}},
            }
        ],
    )
    source["network"]["populations"]["ear"] = {"model": "parrot_neuron", "size": 10}
    field = pieces.integrating(
        coupling={"Linear": {"a": COUPLING}},
        activity={"of": "x", "unit": unit},
        initial={"x": 0.1},
    )
    rules = [{"match": "R0", "as": "spikes"}, {"match": "rest", "as": "field"}]
    return pieces.write(folder, rules, {"spikes": source, "field": field}, window="1 ms")


def factors(unit):
    """Spikes/s per unit of activity, and units of activity per spike/s, as the scenario means."""
    hz, into, out_of = UNITS[unit]
    return (3000.0, 0.02) if hz is None else (into * hz, out_of / hz)


@pytest.mark.parametrize("unit", UNITS)
def test_both_sides_of_a_border_agree_with_the_gain(unit, tmp_path):
    found = pieces.serial(scenario(tmp_path, unit))
    to_hz, from_hz = factors(unit)
    _, coupled = found.column("border/R0.ear.in0/input")
    _, rate = found.column("border/R0.ear.in0/rate")
    assert coupled[0] == pytest.approx(COUPLING * WEIGHT * 0.1, rel=1e-6)
    assert len(np.unique(coupled)) > 10
    np.testing.assert_allclose(rate, to_hz * coupled + BACKGROUND_HZ, rtol=1e-14)
    _, measured = found.column("border/R0.all.to.field/rate")
    _, sent = found.column("border/R0.all.to.field/output")
    assert measured.max() > 0
    np.testing.assert_allclose(sent, from_hz * measured, rtol=1e-14)
    assert not found.notes


@pytest.mark.parametrize("unit", UNITS)
def test_a_field_feels_what_was_sent(unit, tmp_path):
    """The field integrates its input, so that spikes come back as an exact amount."""
    found = pieces.serial(scenario(tmp_path, unit), duration="80 ms")
    _, sent = found.column("border/R0.all.to.field/output")
    _, x = found.column("field/Raw")
    arrived = np.concatenate([np.zeros(31), sent[:-31]])
    expected = 0.1 + COUPLING * np.cumsum(arrived) * 0.1
    np.testing.assert_allclose(x, expected, rtol=1e-5)


def test_the_rate_of_the_trains_is_that_of_the_neurons(tmp_path):
    found = pieces.serial(scenario(tmp_path, "kHz"), duration="100 ms")
    _, measured = found.column("border/R0.all.to.field/rate")
    spikes_ms, _ = found.spikes("R0", "all")
    assert len(spikes_ms) == 10
    # An exponential kernel lets out all but what is still in it.
    after = np.exp(-(100.0 - spikes_ms) / 5.0)
    assert measured.sum() * 0.1 / 1e3 * 10 == pytest.approx((1 - after).sum(), rel=0.02)


def test_the_units_stand_beside_the_recordings(tmp_path):
    path = scenario(tmp_path, "kHz")
    pieces.serial(path)
    (folder,) = [p for p in tmp_path.iterdir() if p.is_dir()]
    with pieces.open_result(folder) as result:
        units = {n: result.signal(n).attrs["units"] for n in result.signals if "border" in n}
    assert units == {
        "border/R0.ear.in0/input": "kHz",
        "border/R0.ear.in0/rate": "spikes/s",
        "border/R0.all.to.field/rate": "spikes/s",
        "border/R0.all.to.field/output": "kHz",
    }


def test_a_rate_at_its_maximum_is_clipped_and_told(tmp_path):
    found = pieces.serial(scenario(tmp_path, "kHz", maximum="75 Hz"))
    _, coupled = found.column("border/R0.ear.in0/input")
    _, rate = found.column("border/R0.ear.in0/rate")
    wanted = 2e3 * coupled + BACKGROUND_HZ
    above = int((wanted > 75.0).sum())
    assert 0 < above < len(wanted)
    np.testing.assert_allclose(rate, np.minimum(wanted, 75.0), rtol=1e-14)
    (note,) = found.notes
    assert "R0.ear.in0" in note
    assert f"in {above} steps at its maximum" in note


def test_a_negative_rate_is_clipped_and_told(tmp_path):
    path = scenario(tmp_path, "Hz")
    path.write_text(path.read_text().replace("x: 0.1", "x: -500.0"))
    found = pieces.serial(path)
    _, rate = found.column("border/R0.ear.in0/rate")
    assert (rate == 0).all()
    (note,) = found.notes
    assert f"in {len(rate)} steps at 0" in note
