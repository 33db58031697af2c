"""What may stand under `models` for TVB, and what is found wrong with it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cosim.simulator import engines
from cosim_tvb import ENGINE
from cosim_tvb.check_monitors import _LEAD_FIELDS, _data
from cosim_tvb.config import by_region

LABELS = ("lV1", "lV2", "rV1", "rV2", "rA1")


def entry(**changed):
    base = {
        "engine": "tvb",
        "model": "ReducedWongWang",
        "integrator": {"HeunDeterministic": {"dt": "0.1 ms"}},
    }
    return {**base, **changed}


def read(**changed):
    return ENGINE.config_model().model_validate(entry(**changed))


def problems(**changed):
    return list(ENGINE.check(read(**changed), LABELS))


def only(**changed):
    found = problems(**changed)
    assert len(found) == 1, [p.text() for p in found]
    return found[0]


FULL = {
    "parameters": {"w": 0.6, "I_o": {"default": 0.32, "rV2": 0.33, "l*": 0.31}},
    "coupling": {"Linear": {"a": 0.0155}},
    "integrator": {"HeunStochastic": {"dt": "0.1 ms", "nsig": 1.0e-5}},
    "initial": {"S": 0.1},
    "activity": {"of": "S", "unit": "1"},
    "monitors": [{"TemporalAverage": {"period": "1 ms"}}, {"Bold": {"period": "500 ms"}}],
}


class TestEngine:
    def test_is_found_by_its_entry_point(self):
        assert engines()["tvb"] is ENGINE

    def test_describes_a_model_without_importing_tvb(self):
        code = """
import sys, json
from cosim_tvb import ENGINE
config = ENGINE.config_model().model_validate(json.loads(sys.argv[1]))
print(list(ENGINE.check(config, ["lV1", "rV2"])))
print(ENGINE.step_ms(config), ENGINE.exchange_step_ms(config))
print(ENGINE.coupling_variables(config), ENGINE.modes(config), ENGINE.signature(config))
print(dict(ENGINE.populations(config)), ENGINE.threads(config), ENGINE.kind, ENGINE.exclusive)
print("tvb-library" in ENGINE.versions())
print(sorted(m for m in sys.modules if m.split(".")[0] in {"tvb", "numba", "nest", "scipy"}))
"""
        import json

        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(entry(**FULL))],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.splitlines() == [
            "[]",
            "0.1 0.1",
            "('S',) 1 S;modes=1",
            "{} 1 mean_field False",
            "True",
            "[]",
        ]

    def test_models_with_the_same_coupling_variables_have_the_same_signature(self):
        one = read(parameters={"w": 0.6})
        other = read(parameters={"w": {"default": 1.0, "l*": 0.5}}, coupling="Sigmoidal")
        assert ENGINE.signature(one) == ENGINE.signature(other)
        assert ENGINE.signature(one) != ENGINE.signature(read(model="WilsonCowan"))
        spatial = read(model="ReducedSetFitzHughNagumo")
        assert ENGINE.signature(spatial) == "xi,alpha;modes=3"

    def test_an_unknown_model_has_no_variables(self):
        with pytest.raises(ValueError, match="there is no model 'Wong'"):
            ENGINE.coupling_variables(read(model="Wong"))


class TestReading:
    def test_the_documented_entry_is_right(self):
        assert problems(**FULL) == []

    @pytest.mark.parametrize(
        ("changed", "where", "message"),
        [
            ({"integrator": "HeunDeterministic"}, ("integrator",), "'dt' is missing"),
            ({"integrator": {"HeunDeterministic": {"dt": 0.1}}}, ("integrator",), "unit is miss"),
            ({"integrator": {"HeunDeterministic": {"dt": "0 ms"}}}, ("integrator",), "positive"),
            (
                {"integrator": {"HeunDeterministic": {"dt": "0.01220703125 ms"}}},
                ("integrator", "HeunDeterministic", "dt"),
                "nanoseconds",
            ),
            ({"parameters": {"w": "much"}}, ("parameters", "w"), "expected a finite number"),
            ({"parameters": {"w": float("nan")}}, ("parameters", "w"), "finite number"),
            ({"parameters": {"w": {"lV1": None}}}, ("parameters", "w"), "finite number"),
            ({"initial": {"S": [0.2, 0.1]}}, ("initial", "S"), "is empty"),
            ({"initial": {"S": [0.2]}}, ("initial", "S"), "bound an interval"),
            ({"speed": 3}, ("speed",), "Extra inputs"),
        ],
    )
    def test_what_cannot_be_read_is_refused_by_key(self, changed, where, message):
        with pytest.raises(ValidationError, match=message) as caught:
            read(**changed)
        assert caught.value.errors()[0]["loc"][: len(where)] == where

    def test_yaml_numbers_without_a_point_are_numbers(self):
        assert read(parameters={"w": "1e-5"}).parameters["w"] == 1e-5


class TestByRegion:
    def test_an_exact_label_beats_patterns_and_later_patterns_beat_earlier(self):
        values = {"rV2": 0.33, "*V*": 1.0, "l*": 0.31, "default": 0.32}
        assert by_region(values, LABELS, 9.0).tolist() == [0.31, 0.31, 1.0, 0.33, 0.32]

    def test_without_a_default_the_models_own_holds(self):
        assert by_region({"l*": 0.31}, LABELS, 9.0).tolist() == [0.31, 0.31, 9.0, 9.0, 9.0]

    def test_a_label_with_pattern_characters_means_itself(self):
        assert by_region({"V[1]": 2.0}, ("V1", "V[1]"), 0.0).tolist() == [0.0, 2.0]

    @given(
        st.dictionaries(st.sampled_from([*LABELS, "l*", "*1", "?V?", "default"]), st.floats(0, 1)),
        st.randoms(),
    )
    def test_the_order_of_exact_labels_does_not_matter(self, values, random):
        exact = [k for k in values if k in LABELS]
        shuffled = list(exact)
        random.shuffle(shuffled)
        rest = {k: v for k, v in values.items() if k not in LABELS}
        other = {**{k: values[k] for k in shuffled}, **rest}
        found = by_region(values, LABELS, 0.5)
        np.testing.assert_array_equal(found, by_region(other, LABELS, 0.5))
        for key in exact:
            assert found[LABELS.index(key)] == values[key]


STOCHASTIC = {"HeunStochastic": {"dt": "0.1 ms", "nsig": 1e-5}}


def stochastic(**changed):
    return {"HeunStochastic": {**STOCHASTIC["HeunStochastic"], **changed}}


class TestNames:
    @pytest.mark.parametrize(
        ("changed", "path", "hint"),
        [
            ({"model": "ReducedWongWong"}, ("model",), "ReducedWongWang"),
            ({"model": "wilsoncowan"}, ("model",), "WilsonCowan"),
            ({"coupling": "Linar"}, ("coupling",), "Linear"),
            ({"coupling": {"Linear": {"A": 1.0}}}, ("coupling", "Linear", "A"), "a"),
            ({"integrator": {"Huen": {"dt": "0.1 ms"}}}, ("integrator",), ""),
            (
                {"integrator": {"HeunDeterministc": {"dt": "0.1 ms"}}},
                ("integrator",),
                "HeunDeterministic",
            ),
            (
                {"integrator": {"HeunDeterministic": {"dt": "0.1 ms", "nisg": 0}}},
                ("integrator", "HeunDeterministic", "nisg"),
                "nsig",
            ),
            ({"parameters": {"tau": 1.0}}, ("parameters", "tau"), "tau_s"),
            ({"parameters": {"w": {"rA11": 1.0}}}, ("parameters", "w", "rA11"), "rA1"),
            ({"parameters": {"w": {"x*": 1.0}}}, ("parameters", "w", "x*"), ""),
            ({"initial": {"s": 0.1}}, ("initial", "s"), "S"),
            ({"activity": {"of": "E"}}, ("activity", "of"), ""),
            ({"variables_of_interest": ["S", "s"]}, ("variables_of_interest", 1), "S"),
            ({"monitors": ["TemporalAvg"]}, ("monitors", 0), "TemporalAverage"),
            (
                {"monitors": ["Raw", {"Bold": {"hrf_kernel": "Gama"}}]},
                ("monitors", 1, "Bold", "hrf_kernel"),
                "Gamma",
            ),
            (
                {"monitors": [{"Bold": {"hrf_kernel": {"Gamma": {"taw": 1}}}}]},
                ("monitors", 0, "Bold", "hrf_kernel", "Gamma", "taw"),
                "tau",
            ),
            (
                {"monitors": [{"SubSample": {"perod": "1 ms", "period": "1 ms"}}]},
                ("monitors", 0, "SubSample", "perod"),
                "period",
            ),
            (
                {"monitors": [{"RawVoi": {"variables_of_interest": ["s"]}}]},
                ("monitors", 0, "RawVoi", "variables_of_interest", 0),
                "S",
            ),
            (
                {"integrator": stochastic(nsig={"s": 1e-5})},
                ("integrator", "HeunStochastic", "nsig", "s"),
                "S",
            ),
        ],
    )
    def test_unknown_ones_are_found_with_the_nearest_legal_spelling(self, changed, path, hint):
        problem = only(**changed)
        assert problem.path == path
        assert problem.hint == (f"did you mean '{hint}'?" if hint else "")
        assert str(path[-1]).split("*")[0] in problem.message or path[-1] in (
            "model",
            "coupling",
            "integrator",
            "of",
            "hrf_kernel",
            0,
            1,
        )

    def test_all_problems_come_at_once(self):
        found = problems(
            model="ReducedWongWang",
            parameters={"wrong": 1.0, "w": {"nowhere": 1.0}},
            coupling="Nothing",
            integrator={"HeunStochastic": {"dt": "0.1 ms"}},
            monitors=["Nothing", {"TemporalAverage": {"period": "0.25 ms"}}],
        )
        assert [p.path for p in found] == [
            ("parameters", "wrong"),
            ("parameters", "w", "nowhere"),
            ("coupling",),
            ("integrator", "HeunStochastic"),
            ("monitors", 0),
            ("monitors", 1, "TemporalAverage", "period"),
        ]

    def test_an_unknown_model_does_not_hide_the_rest(self):
        found = problems(model="Nothing", coupling="Nothing", monitors=["Nothing"])
        assert [p.path for p in found] == [("model",), ("coupling",), ("monitors", 0)]


class TestParameters:
    def test_lists_have_the_length_that_the_model_wants(self):
        zerlaut = {"model": "ZerlautAdaptationFirstOrder"}
        assert problems(**zerlaut, parameters={"P_e": [0.1] * 10}) == []
        problem = only(**zerlaut, parameters={"P_e": [0.1] * 9})
        assert (problem.message, problem.expected) == ("P_e has 9 numbers", "10 numbers")
        assert only(**zerlaut, parameters={"P_e": 0.1}).expected == "a list of 10 numbers"
        assert only(**zerlaut, parameters={"P_e": {"default": 0.1}}).path == ("parameters", "P_e")

    def test_a_list_is_no_way_to_write_numbers_by_region(self):
        assert only(parameters={"w": [0.1] * 5}).expected == "one number"

    def test_coupling_takes_numbers(self):
        problem = only(coupling={"Linear": {"a": "strong"}})
        assert problem.path == ("coupling", "Linear", "a")

    def test_a_moving_threshold_changes_the_model(self):
        assert only(model="Hopfield", parameters={"dynamic": 1}).path == ("parameters", "dynamic")
        assert problems(model="Hopfield", parameters={"dynamic": 0}) == []


class TestCombinations:
    def test_interfaces_of_a_spiking_model_are_refused(self):
        receives = [{"population": "E", "from": ["lV1"]}]
        sends = [{"population": "E", "to": ["lV1"]}]
        found = problems(receives=receives, sends=sends)
        assert [p.path for p in found] == [("receives",), ("sends",)]

    def test_a_stochastic_integrator_needs_the_size_of_its_noise(self):
        problem = only(integrator={"EulerStochastic": {"dt": "0.1 ms"}})
        assert problem.path == ("integrator", "EulerStochastic")
        assert "'nsig' is missing" in problem.message

    @pytest.mark.parametrize(
        "changed",
        [
            {"nsig": -1.0},
            {"nsig": "loud"},
            {"nsig": {"S": -1e-3}},
            {"ntau": 3},
            {"ntau": "-1 ms"},
            {"noise": "pink"},
            {"noise": {"additive": {"a": 1}}},
            {"noise": {"multiplicative": {"a": "x"}}},
        ],
    )
    def test_bad_noise_is_found_at_its_key(self, changed):
        (name,) = changed
        problem = only(integrator=stochastic(**changed))
        assert problem.path == ("integrator", "HeunStochastic", name)

    @pytest.mark.parametrize(
        "changed",
        [
            {"nsig": {"S": 1e-4}},
            {"ntau": "5 ms"},
            {"ntau": 0},
            {"noise": "additive"},
            {"noise": {"multiplicative": {"a": 2, "b": "1e-3"}}},
            {"noise": "multiplicative"},
        ],
    )
    def test_good_noise_is_not(self, changed):
        assert problems(integrator=stochastic(**changed)) == []

    def test_noise_means_nothing_to_a_deterministic_integrator(self):
        problem = only(integrator={"HeunDeterministic": {"dt": "0.1 ms", "nsig": 1e-5}})
        assert problem.path == ("integrator", "HeunDeterministic", "nsig")
        assert problem.hint == "did you mean 'HeunStochastic'?"

    def test_schemes_that_choose_their_own_steps_are_refused(self):
        problem = only(integrator={"Dopri5": {"dt": "0.1 ms"}})
        assert "depend on which regions share a simulator" in problem.message
        assert "HeunDeterministic" in problem.expected
        assert "VODE" not in problem.expected

    def test_a_coupling_that_sums_over_targets_is_refused(self):
        assert "sums over the targets" in only(coupling="PreSigmoidal").message

    def test_a_coupling_of_two_variables_needs_them(self):
        assert only(coupling="SigmoidalJansenRit").expected.endswith("this one has S")
        assert problems(model="JansenRit", coupling="SigmoidalJansenRit") == []


class TestMonitors:
    @pytest.mark.parametrize(
        ("monitor", "path"),
        [
            ({"TemporalAverage": {"period": "0.25 ms"}}, ("TemporalAverage", "period")),
            ({"TemporalAverage": {"period": 1.0}}, ("TemporalAverage", "period")),
            ({"TemporalAverage": {"period": "0 ms"}}, ("TemporalAverage", "period")),
            ("TemporalAverage", ("TemporalAverage",)),
            ("AfferentCouplingTemporalAverage", ("AfferentCouplingTemporalAverage",)),
            ({"Raw": {"period": "1 ms"}}, ("Raw", "period")),
            ({"Raw": {"variables_of_interest": ["S"]}}, ("Raw", "variables_of_interest")),
            ({"AfferentCoupling": {"period": "1 ms"}}, ("AfferentCoupling", "period")),
            ({"Bold": {"period": "6 ms"}}, ("Bold", "period")),
            ({"Bold": {"hrf_length": 20}}, ("Bold", "hrf_length")),
            (
                {"Bold": {"hrf_kernel": {"Gamma": {"tau": "x"}}}},
                ("Bold", "hrf_kernel", "Gamma", "tau"),
            ),
            ({"Bold": {"hrf_kernel": 3}}, ("Bold", "hrf_kernel")),
            ({"RawVoi": {"variables_of_interest": "S"}}, ("RawVoi", "variables_of_interest")),
            ({"SpatialAverage": {"period": "1 ms"}}, ("SpatialAverage",)),
            (
                {"SpatialAverage": {"period": "1 ms", "spatial_mask": {"default": 1}}},
                ("SpatialAverage", "spatial_mask"),
            ),
            (
                {"SpatialAverage": {"period": "1 ms", "spatial_mask": {"l*": 0, "r*": 2}}},
                ("SpatialAverage", "spatial_mask"),
            ),
            (
                {"SpatialAverage": {"period": "1 ms", "spatial_mask": {"default": 0, "x": 1}}},
                ("SpatialAverage", "spatial_mask", "x"),
            ),
            (
                {"SpatialAverage": {"period": "1 ms", "spatial_mask": [0, 1]}},
                ("SpatialAverage", "spatial_mask"),
            ),
            (
                {
                    "SpatialAverage": {
                        "period": "1 ms",
                        "default_mask": "cortical",
                        "spatial_mask": {"default": 0},
                    }
                },
                ("SpatialAverage", "default_mask"),
            ),
            ("BoldRegionROI", ()),
            ("ProgressLogger", ()),
        ],
    )
    def test_what_tvb_would_trip_over_is_found(self, monitor, path):
        assert only(monitors=["Raw", monitor]).path == ("monitors", 1, *path)

    def test_bold_needs_a_step_that_divides_its_averages(self):
        found = problems(
            integrator={"HeunDeterministic": {"dt": "0.3 ms"}},
            monitors=[{"Bold": {"period": "600 ms"}}],
        )
        assert [p.path for p in found] == [("monitors", 0, "Bold")]

    def test_variables_are_those_that_the_model_observes(self):
        watching = {"SubSample": {"period": "1 ms", "variables_of_interest": ["E - I"]}}
        assert only(model="WilsonCowan", monitors=[watching]).expected == "one of E"
        assert (
            problems(model="WilsonCowan", monitors=[watching], variables_of_interest=["E", "E - I"])
            == []
        )

    def test_afferents_are_those_that_the_coupling_gives(self):
        watching = {"AfferentCoupling": {"variables_of_interest": ["y2"]}}
        assert problems(model="JansenRit", monitors=[watching]) == []
        problem = only(model="JansenRit", coupling="SigmoidalJansenRit", monitors=[watching])
        assert problem.expected == "one of y1"

    @pytest.mark.parametrize("kind", ["EEG", "MEG", "iEEG"])
    def test_a_lead_field_is_for_the_default_connectome(self, kind):
        problem = only(monitors=[{kind: {"period": "1 ms"}}])
        assert problem.path == ("monitors", 0)
        if (_data() / _LEAD_FIELDS[kind]).exists():
            assert "this brain has others" in problem.message
        else:
            assert "no lead field" in problem.message

    def test_a_lead_field_needs_tvb_data(self, monkeypatch):
        monkeypatch.setattr("cosim_tvb.check_monitors.find_spec", lambda _: None)
        assert only(monitors=[{"EEG": {"period": "1 ms"}}]).expected == "tvb-data installed"
