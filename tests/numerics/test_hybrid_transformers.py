"""Every way of making spikes brings neurons the rate that it was given."""

import hybrid_pieces as pieces
import numpy as np
import pytest

NEURONS, DURATION_MS, SYNAPSE_MS = 100, 200.0, 1.0
CORRELATION = 0.2
MAKERS = {
    "poisson": "poisson",
    "mip": {"mip": {"correlation": CORRELATION}},
    "sip": {"sip": {"correlation": CORRELATION}},
    "gamma": {"gamma": {"shape": 4.0, "refractory": "2 ms"}},
    "regular": "regular",
    "rates": "rates",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One field drives six populations of neurons that repeat what they hear."""
    folder = tmp_path_factory.mktemp("makers")
    pieces.write_brain(folder / "brain.zip", np.full((2, 2), 4.0), [[0.0, 1.0], [0.0, 0.0]])
    spiking = {
        "engine": "nest",
        "network": {
            "populations": {m: {"model": "parrot_neuron", "size": NEURONS} for m in MAKERS}
        },
        "receives": [
            {
                "population": name,
                "from": ["field"],
                "gain": "1 kHz",
                "background": "30 Hz",
                "through": through,
                "synapse": {"weight": 1.0, "delay": f"{SYNAPSE_MS} ms"},
            }
            for name, through in MAKERS.items()
        ],
        "sends": [{"population": "poisson", "to": ["field"], "as": "S", "gating": {}}],
    }
    # The field relaxes from 0.3 towards 0, so that the rate changes.
    field = pieces.wong_wang(
        parameters={"w": 0.0, "I_o": 0.0}, initial={"S": 0.3}, coupling={"Linear": {"a": 1.0}}
    )
    rules = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
    return pieces.write(
        folder,
        rules,
        {"spiking": spiking, "field": field},
        duration=f"{DURATION_MS} ms",
        window="2 ms",
        record={"trains": True},
    )


@pytest.fixture(scope="module")
def run(path):
    return pieces.serial(path)


def transformer(name):
    return f"R0.{name}.in{list(MAKERS).index(name)}"


def expected_count(run, name):
    """Mean number of spikes of one neuron, from the recorded rate."""
    time_ms, rate_hz = run.column(f"border/{transformer(name)}/rate")
    assert np.ptp(rate_hz) > 100
    return float(rate_hz[time_ms <= DURATION_MS - SYNAPSE_MS].sum() * 0.1 / 1e3)


def spread(name, mean):
    """Standard deviation of the number of spikes of all neurons together."""
    if name == "regular":
        return 1.0
    shared = 1 + (NEURONS - 1) * CORRELATION if name in ("mip", "sip") else 1.0
    return (NEURONS * mean * shared) ** 0.5


@pytest.mark.parametrize("name", MAKERS)
def test_neurons_hear_the_rate_at_the_border(name, run):
    mean = expected_count(run, name)
    assert mean > 20
    heard = len(run.spikes("R0", name)[0])
    assert abs(heard - NEURONS * mean) <= 4 * spread(name, mean)


@pytest.mark.parametrize("name", [m for m in MAKERS if m != "rates"])
def test_neurons_hear_exactly_the_trains(name, run):
    """Each fibre reaches its neuron one synaptic delay later, repeated spikes included."""
    sent_ms, fibres = run.train("R0", transformer(name))
    heard_ms, neurons = run.spikes("R0", name)
    kept = sent_ms <= DURATION_MS - SYNAPSE_MS + 1e-9
    np.testing.assert_allclose(heard_ms, sent_ms[kept] + SYNAPSE_MS, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(neurons, fibres[kept])


@pytest.mark.parametrize("name", MAKERS)
def test_counts_have_the_statistics_of_their_maker(name, run):
    """Variance over neurons: full for Poisson, less for regular ones, small for shared spikes."""
    _, neurons = run.spikes("R0", name)
    counts = np.bincount(neurons, minlength=NEURONS)
    share = counts.var() / counts.mean()
    # Of counts of correlation c, only the part 1 - c varies between neurons.
    bounds = {"poisson": 1.0, "rates": 1.0, "mip": 1 - CORRELATION, "sip": 1 - CORRELATION}
    if name in bounds:
        assert share == pytest.approx(bounds[name], rel=4 * (2 / NEURONS) ** 0.5)
    else:
        assert share < {"gamma": 0.35, "regular": 0.05}[name]


@pytest.mark.parametrize("window", ["1 ms", "4 ms"])
def test_windows_change_nothing_not_even_trains_drawn_inside_nest(window, path, run):
    assert pieces.differences(run, pieces.serial(path, window=window)) == []
