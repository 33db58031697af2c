"""Monitors record what TVB's own loop records, whatever the window and whoever owns the rest."""

import dataclasses

import numpy as np
import pytest
from tvb_pieces import DT_MS, SEED, Pieces, clock, config, plain, plain_run, random_brain

from cosim_tvb import ENGINE, library
from cosim_tvb.build import initial_state
from cosim_tvb.facts import model_facts
from cosim_tvb.library import coupling, equations, integrators, monitors

STEPS = 240
LINEAR = {"Linear": {"a": 0.0155}}

# What stands in the scenario, the same in TVB's words, and the variables of the columns.
MONITORS = {
    "Raw": ("Raw", monitors.Raw, {}, ["E", "I", "E - I"]),
    "RawVoi": (
        {"RawVoi": {"variables_of_interest": ["I"]}},
        monitors.RawVoi,
        {"variables_of_interest": np.array([1])},
        ["I"],
    ),
    "TemporalAverage": (
        {"TemporalAverage": {"period": "1 ms"}},
        monitors.TemporalAverage,
        {"period": 1.0},
        ["E", "I", "E - I"],
    ),
    "SubSample": (
        {"SubSample": {"period": "0.7 ms", "variables_of_interest": ["E - I", "E"]}},
        monitors.SubSample,
        {"period": 0.7, "variables_of_interest": np.array([2, 0])},
        ["E - I", "E"],
    ),
    "Bold": (
        {"Bold": {"period": "8 ms", "hrf_length": "2000 ms"}},
        monitors.Bold,
        {"period": 8.0, "hrf_length": 2000.0},
        ["E", "I", "E - I"],
    ),
    "Bold with another kernel": (
        {"Bold": {"period": "8 ms", "hrf_kernel": {"DoubleExponential": {"tau_1": 6.0}}}},
        monitors.Bold,
        {
            "period": 8.0,
            "hrf_kernel": equations.DoubleExponential(
                parameters={**equations.DoubleExponential().parameters, "tau_1": 6.0}
            ),
        },
        ["E", "I", "E - I"],
    ),
    "AfferentCoupling": ("AfferentCoupling", monitors.AfferentCoupling, {}, ["E", "I"]),
    "AfferentCouplingTemporalAverage": (
        {
            "AfferentCouplingTemporalAverage": {
                "period": "0.5 ms",
                "variables_of_interest": ["I"],
            }
        },
        monitors.AfferentCouplingTemporalAverage,
        {"period": 0.5, "variables_of_interest": np.array([1])},
        ["I"],
    ),
}
WATCHED = ["E", "I", "E - I"]


def entry_of(*written, model="WilsonCowan", **more):
    return config(
        model, coupling=LINEAR, monitors=list(written), variables_of_interest=WATCHED, **more
    )


def expected(kind, settings, brain, steps=STEPS):
    entry = entry_of()
    simulator = plain(
        entry,
        brain,
        library.model_class("WilsonCowan")(variables_of_interest=WATCHED),
        coupling.Linear(a=np.array([0.0155])),
        integrators.HeunDeterministic(dt=DT_MS),
        [kind(**settings)],
        initial_state(entry, model_facts("WilsonCowan"), SEED, len(brain.labels)),
    )
    return plain_run(simulator, steps)[0]


@pytest.mark.parametrize("monitor", MONITORS)
@pytest.mark.parametrize(("parts", "n"), [(1, 6), (3, 8), (3, 5), (3, 1)])
def test_records_what_tvb_records(monitor, parts, n):
    written, kind, settings, variables = MONITORS[monitor]
    name = written if isinstance(written, str) else next(iter(written))
    brain = random_brain()
    pieces = Pieces(
        entry_of(written), brain, [range(p, 9, parts) for p in range(parts)], clock(n, STEPS)
    ).run()
    times, values = expected(kind, settings, brain)
    if kind.__name__.startswith("AfferentCoupling"):
        # The input after the last step would need activity that no run has to produce.
        times, values = times[:-1], values[:-1]
    assert len(times) > 1
    assert np.ptp(values) > 0
    for v, variable in enumerate(variables):
        for r, region in enumerate(brain.labels):
            found_times, found = pieces.column(name, f"{variable}[{region}]")
            np.testing.assert_array_equal(found_times, times)
            np.testing.assert_array_equal(found, values[:, v, r, 0])


def test_only_owned_regions_are_recorded():
    brain = random_brain()
    pieces = Pieces(entry_of("Raw"), brain, [[0, 4], [1, 2, 3, 5, 6, 7, 8]], clock(5, 20)).run()
    kept = pieces.memories[0].signals["part0/Raw"]
    assert kept.columns == tuple(f"{v}[{r}]" for v in WATCHED for r in ("l00", "l04"))
    assert kept.unit == "1"
    assert kept.about == {"monitor": "Raw", "period_ms": DT_MS}


def test_times_are_tvbs():
    brain = random_brain()
    written = [{"TemporalAverage": {"period": "1 ms"}}, {"SubSample": {"period": "1 ms"}}]
    pieces = Pieces(entry_of(*written), brain, [range(9)], clock(4, 40)).run()
    assert pieces.column("TemporalAverage", "E[l00]")[0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert pieces.column("SubSample", "E[l00]")[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_two_monitors_of_a_kind_have_two_names():
    brain = random_brain()
    written = [{"SubSample": {"period": "1 ms"}}, {"SubSample": {"period": "2 ms"}}]
    pieces = Pieces(entry_of(*written), brain, [range(9)], clock(4, 40)).run()
    signals = pieces.memories[0].signals
    assert {k: len(v.times) for k, v in signals.items()} == {
        "part0/SubSample": 4,
        "part0/SubSample_2": 2,
    }


def test_rows_are_handed_over_window_by_window():
    brain = random_brain()
    pieces = Pieces(entry_of("Raw"), brain, [range(9)], clock(6, 18))
    kept = pieces.memories[0].signals["part0/Raw"]
    assert [len(kept.times) for _ in pieces.windows()] == [6, 12, 18]


def test_modes_have_columns():
    brain = random_brain()
    entry = config("ReducedSetFitzHughNagumo", monitors=["Raw"], initial={"xi": 0.1, "alpha": 0.1})
    pieces = Pieces(entry, brain, [range(9)], clock(6, 6)).run()
    columns = pieces.memories[0].signals["part0/Raw"].columns
    assert columns[:4] == (
        "xi[l00, mode 0]",
        "xi[l00, mode 1]",
        "xi[l00, mode 2]",
        "xi[r01, mode 0]",
    )
    values = pieces.memories[0].signals["part0/Raw"].values
    assert values.shape == (6, len(columns))


MEAN = {"GlobalAverage": {"period": "0.5 ms"}}
AREAS = {"SpatialAverage": {"period": "0.5 ms", "spatial_mask": {"l*": 0, "r*": 1}}}


class TestAverages:
    def test_over_the_whole_brain_are_tvbs(self):
        brain = random_brain()
        pieces = Pieces(entry_of(MEAN, AREAS), brain, [range(9)], clock(6, 60)).run()
        times, values = expected(monitors.GlobalAverage, {"period": 0.5}, brain, 60)
        found_times, found = pieces.column("GlobalAverage", "I[mean]")
        np.testing.assert_array_equal(found_times, times)
        np.testing.assert_array_equal(found, values[:, 1, 0, 0])
        settings = {"period": 0.5, "spatial_mask": np.arange(9) % 2}
        times, values = expected(monitors.SpatialAverage, settings, brain, 60)
        found_times, found = pieces.column("SpatialAverage", "I[area 1]")
        np.testing.assert_array_equal(found_times, times)
        np.testing.assert_array_equal(found, values[:, 1, 1, 0])

    def test_over_a_piece_are_of_its_own_regions(self):
        brain = random_brain()
        parts = [[1, 3, 4, 5, 7], [0, 2, 6, 8]]
        pieces = Pieces(entry_of("Raw", MEAN, AREAS), brain, parts, clock(5, 60)).run()
        raw = {r: pieces.column("Raw", f"I[{r}]")[1][4::5] for r in brain.labels}
        kept = [m.signals[f"part{i}/GlobalAverage"] for i, m in enumerate(pieces.memories)]
        for part, signal in zip(parts, kept, strict=True):
            mean = np.mean([raw[brain.labels[r]] for r in part], axis=0)
            column = signal.columns.index("I[mean]")
            np.testing.assert_allclose(signal.values[:, column], mean, rtol=1e-13)
        areas = pieces.memories[0].signals["part0/SpatialAverage"]
        assert areas.columns[:2] == ("E[area 0]", "E[area 1]")
        right = np.mean([raw[brain.labels[r]] for r in (1, 3, 5, 7)], axis=0)
        found = areas.values[:, areas.columns.index("I[area 1]")]
        np.testing.assert_allclose(found, right, rtol=1e-13)
        left = pieces.memories[1].signals["part1/SpatialAverage"]
        assert left.columns == ("E[area 0]", "I[area 0]", "E - I[area 0]")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EEG", "MEG"])
def test_lead_fields_of_pieces_add_up(kind):
    found = library.Connectivity.from_file("connectivity_76.zip")
    found.configure()
    brain = random_brain(76)
    brain.weights[:] = found.weights
    brain.tract_lengths_mm[:] = found.tract_lengths
    brain = dataclasses.replace(brain, labels=tuple(found.region_labels.tolist()))
    entry = config(coupling=LINEAR, monitors=["Raw", {kind: {"period": "1 ms"}}])
    assert not list(ENGINE.check(entry, brain.labels))
    parts = [range(0, 76, 2), range(1, 76, 2)]
    pieces = Pieces(entry, brain, parts, clock(1, 30)).run()
    signals = [m.signals[f"part{i}/{kind}"] for i, m in enumerate(pieces.memories)]
    assert signals[0].columns == signals[1].columns
    assert signals[0].times == [0.5, 1.5, 2.5]
    raw = np.array([pieces.column("Raw", f"S[{r}]")[1] for r in brain.labels])
    sources = raw.reshape(76, 3, 10).mean(axis=2)
    own = getattr(monitors, kind).from_file(period=1.0, obsnoise=None)
    lead_field = np.zeros((own.gain.shape[0], 76))
    np.add.at(lead_field.T, own.region_mapping.array_data, np.nan_to_num(own.gain).T)
    total = signals[0].values + signals[1].values
    np.testing.assert_allclose(total.T, lead_field @ sources, rtol=1e-9, atol=1e-12)
