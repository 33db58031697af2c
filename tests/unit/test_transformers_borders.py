"""What transformers refuse: bad data at the border and bad parameters."""

import numpy as np
import pytest
from pydantic import ValidationError

from cosim.clock import Window
from cosim.errors import BorderError
from cosim.messages import Signal, SpikeBatch
from cosim.transformers.base import Context, transformers

GENERATORS = {
    "poisson": {},
    "mip": {"correlation": 0.1},
    "sip": {"correlation": 0.1},
    "gamma": {"shape": 2.0},
    "regular": {},
}
WINDOW = Window(3, 30, 40)


def make(kind, parameters=None, step_in=1, step_out=1, size=5):
    cls = transformers()[kind]
    given = cls.Parameters.model_validate(parameters or GENERATORS.get(kind, {}))
    return cls(given, Context("channel", 5, 0.5, step_in, step_out, size))


def batch(ticks, senders):
    return SpikeBatch(30, 40, np.array(ticks, np.int64), np.array(senders, np.int32))


def test_every_registered_transformer_is_a_transformer():
    directions = {name: cls.direction for name, cls in transformers().items()}
    assert directions == {
        "rate": "spikes_to_rates",
        "poisson": "rates_to_spikes",
        "mip": "rates_to_spikes",
        "sip": "rates_to_spikes",
        "gamma": "rates_to_spikes",
        "regular": "rates_to_spikes",
        "relay": "spikes_to_spikes",
    }
    for kind in directions:
        transformer = make(kind)
        assert transformer.delay_ms >= 0
        assert transformer.trains == (0 if kind == "rate" else 5)


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-9, 2e7])
def test_generators_refuse_what_is_no_rate_and_say_when(kind, bad):
    values = np.full((10, 1), 5.0)
    values[3] = bad
    with pytest.raises(BorderError, match=r"rate \(spikes/s\) is .* at 17 ms"):
        make(kind).convert(Signal(30, 1, values), WINDOW)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (SpikeBatch.empty(30, 40), "window 3: expected a signal, got spikes"),
        (Signal(20, 1, np.zeros((10, 1))), r"covers \(20, 30\] in steps of 1 ticks"),
        (Signal(30, 2, np.zeros((5, 1))), "in steps of 2 ticks"),
        (Signal(30, 1, np.zeros((9, 1))), r"covers \(30, 39\]"),
        (Signal(30, 1, np.zeros((10, 2))), r"expected one column, got shape \(10, 2\)"),
    ],
)
def test_generators_refuse_blocks_that_do_not_fit(block, message):
    with pytest.raises(BorderError, match=message):
        make("poisson").convert(block, WINDOW)


@pytest.mark.parametrize("kind", ["rate", "relay"])
@pytest.mark.parametrize(
    ("block", "message"),
    [
        (batch([30], [0]), r"spikes at ticks 30 to 30 do not all lie in \(30, 40\]"),
        (batch([35, 41], [0, 0]), "spikes at ticks 35 to 41"),
        (batch([35], [5]), "senders 5 to 5 do not all lie in 0 to 4"),
        (batch([35, 36], [-1, 2]), "senders -1 to 2"),
        (Signal(30, 1, np.zeros((10, 1))), "expected spikes, got a signal"),
    ],
)
def test_spikes_out_of_place_are_refused(kind, block, message):
    with pytest.raises(BorderError, match=message):
        make(kind).convert(block, WINDOW)


@pytest.mark.parametrize("kind", ["rate", "relay"])
def test_spikes_at_the_edges_are_accepted(kind):
    make(kind).convert(batch([31, 40], [0, 4]), WINDOW)


@pytest.mark.parametrize("kind", ["rate", "relay"])
def test_spikes_before_time_zero_are_refused(kind):
    early = SpikeBatch(-10, 0, np.array([-3]), np.array([0], np.int32))
    with pytest.raises(BorderError, match=r"spikes at ticks -3 to -3"):
        make(kind).convert(early, Window(-1, -10, 0))


@pytest.mark.parametrize("kind", ["rate", "relay", "poisson"])
def test_a_window_off_the_grid_is_refused(kind):
    block = Signal(30, 1, np.zeros((10, 1))) if kind == "poisson" else batch([], [])
    with pytest.raises(ValueError, match=r"window \(30, 40\] is not on the grid of 4 ticks"):
        make(kind, step_out=4).convert(block, WINDOW)


@pytest.mark.parametrize(
    ("step_in", "step_out", "delay_ms"), [(1, 1, 0.0), (1, 5, 1.0), (2, 6, 1.0), (5, 1, 0.0)]
)
def test_the_relay_reports_the_mean_move_to_its_grid(step_in, step_out, delay_ms):
    relay = make("relay", step_in=step_in, step_out=step_out)
    assert relay.delay_ms == delay_ms
    ticks = np.arange(step_in, 61, step_in)
    given = SpikeBatch(0, 60, ticks, np.zeros(len(ticks), np.int32))
    moved = relay.convert(given, Window(0, 0, 60)).ticks
    assert (moved - ticks).mean() * 0.5 == pytest.approx(delay_ms)


@pytest.mark.parametrize(
    ("kind", "parameters", "place", "message"),
    [
        ("rate", {"kernel": "boxcar"}, "width", "width is missing; kernel 'boxcar' takes width"),
        ("rate", {"kernel": "exponential"}, "tau", "tau is missing"),
        ("rate", {"kernel": "alpha", "sigma": "1 ms", "tau": "1 ms"}, "sigma", "has no sigma"),
        ("rate", {"kernel": "gaussian", "peak": "1 ms"}, "sigma", "takes sigma and peak"),
        ("rate", {"kernel": "alpha", "tau": "0 ms"}, "tau", "tau is 0 ms"),
        ("rate", {"kernel": "gaussian", "sigma": "1 ms", "peak": "-1 ms"}, "peak", "peak is -1 ms"),
        ("rate", {"kernel": "alpha", "tau": 5}, "tau", "the unit is missing"),
        ("rate", {"kernel": "beta"}, "kernel", "'boxcar', 'exponential', 'alpha' or 'gaussian'"),
        ("rate", {"width": "5 ms"}, "width", "kernel 'exponential' has no width; it takes tau"),
        ("rate", {"initial_rate": "-1 Hz"}, "initial_rate", "greater than or equal to 0"),
        ("rate", {"tua": "5 ms"}, "tua", "not permitted"),
        ("poisson", {"trains": 0}, "trains", "expected one_per_neuron or a number from 1"),
        ("poisson", {"trains": True}, "trains", "trains is True"),
        ("poisson", {"trains": "all"}, "trains", "trains is 'all'"),
        ("poisson", {"trains": 2.5}, "trains", "trains is 2.5"),
        ("mip", {}, "correlation", "required"),
        ("mip", {"correlation": 1.01}, "correlation", "less than or equal to 1"),
        ("sip", {"correlation": -0.01}, "correlation", "greater than or equal to 0"),
        ("gamma", {}, "shape", "required"),
        ("gamma", {"shape": 0}, "shape", "greater than 0"),
        ("gamma", {"shape": 1, "refractory": "-1 ms"}, "refractory", "greater than or equal to 0"),
        ("gamma", {"shape": 1, "refractory": 1}, "refractory", "the unit is missing"),
        ("regular", {"phases": "mixed"}, "phases", "'random' or 'aligned'"),
        ("relay", {"every": 2}, "every", "not permitted"),
    ],
)
def test_wrong_parameters_are_named(kind, parameters, place, message):
    with pytest.raises(ValidationError) as caught:
        transformers()[kind].Parameters.model_validate(parameters)
    errors = caught.value.errors()
    assert [e["loc"] for e in errors] == [(place,)]
    assert message in errors[0]["msg"]


def test_the_default_kernel_is_visible():
    given = transformers()["rate"].Parameters.model_validate({})
    assert given.model_dump(exclude_none=True) == {
        "kernel": "exponential",
        "tau": 10.0,
        "initial_rate": 0.0,
    }


def test_parameters_of_another_transformer_are_refused():
    other = transformers()["relay"].Parameters.model_validate({})
    for kind in ("rate", *GENERATORS):
        with pytest.raises(ValidationError):
            transformers()[kind](other, Context("x", 1, 1.0, 1, 1, 1))


@pytest.mark.parametrize(("trains", "expected"), [("one_per_neuron", 5), (12, 12)])
def test_the_number_of_trains(trains, expected):
    poisson = make("poisson", {"trains": trains})
    assert poisson.trains == expected
    out = poisson.convert(Signal(30, 1, np.full((10, 1), 1e5)), WINDOW)
    assert set(out.senders.tolist()) == set(range(expected))
