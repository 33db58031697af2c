"""The shipped burst: both halves of the cerebellum have it, and it goes its way at its own pace."""

import hybrid_cerebellum_pieces as cerebellum
import hybrid_pieces as pieces
import numpy as np
import pytest
import yaml
from hybrid_cerebellum_pieces import STEP_MS

from cosim.cli.checking import checked
from cosim.simulator import engines

STIMULUS = cerebellum.HYBRID.with_name("cerebellum_stimulus.yaml")
BURST_MS = (400.0, 450.0)
REST_MS = (200.0, 400.0)
DURATION = "470 ms"
LEFT = {"cerebellar_cortex": "CbCtx_L", "nuclei": "CbNuc_L"}
#: Rates in the burst, spikes/s, and how far from them the circuit may be: published for the awake
#: circuit, and the tolerances of its input-output table.
PUBLISHED = {
    "granule": (21.0, 0.35),
    "golgi": (52.0, 0.35),
    "basket": (77.0, 0.35),
    "stellate": (71.0, 0.35),
    "purkinje": (140.0, 0.15),
    "dcn_p": (57.0, 0.15),
}
#: kHz: where the mean-field equations have their steady state at 4 + 40.5 spikes/s of mossy fibres.
MEAN_FIELD = {"GrC": 0.0211, "GoC": 0.0297, "MLI": 0.0683, "PC": 0.142}


@pytest.fixture(scope="module")
def shipped():
    return checked(STIMULUS, {}, None)


def sizes(case):
    return engines()["nest"].populations(case.scenario.models["spiking_cerebellum"])


def test_both_halves_get_the_same_burst(shipped):
    case, _ = shipped
    models = case.scenario.models
    (device,) = models["spiking_cerebellum"].network.devices
    share = device.rule.parameters["outdegree"] / sizes(case)["mossy_fibres"]
    for model, region in LEFT.items():
        (stimulus,) = models[model].stimuli
        assert stimulus.patterns == (region,)
        assert (stimulus.start, stimulus.stop) == (device.start, device.stop) == BURST_MS
        assert 1e3 * stimulus.add == pytest.approx(share * 150.0, rel=0.01)
    assert "150 Hz" in STIMULUS.read_text()
    assert case.scenario.duration - BURST_MS[1] >= 200.0


def without(folder):
    """Write the scenario with a burst of nothing, and what both runs record."""
    own = yaml.safe_load(STIMULUS.read_text())["models"]
    (device,) = own["spiking_cerebellum"]["network"]["devices"]
    models = {
        "spiking_cerebellum": {
            "network": {"devices": [{**device, "parameters": {"rate": "0 Hz"}}]}
        }
    }
    for name in LEFT:
        (stimulus,) = own[name]["stimuli"]
        models[name] = {"stimuli": [{**stimulus, "add": 0}]}
    return written(folder, models)


def written(folder, models):
    folder.mkdir()
    for name in ("cortex", *LEFT):
        monitors = ["Raw"] if name == "cortex" else ["Raw", "AfferentCoupling"]
        models[name] = {**models.get(name, {}), "monitors": monitors}
    path = folder / "scenario.yaml"
    data = {"base": str(STIMULUS), "models": models, "record": {"spikes": "all"}}
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    cerebellum.require_eglif()
    path = written(tmp_path_factory.mktemp("stimulus") / "burst", {})
    return pieces.serial(path, duration=DURATION)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    cerebellum.require_eglif()
    path = without(tmp_path_factory.mktemp("stimulus") / "nothing")
    return pieces.serial(path, duration=DURATION)


@pytest.fixture(scope="module")
def tracts(shipped):
    return cerebellum.Tracts(shipped[0].brain)


def until(run, end_ms):
    """Return the part of a run up to a time."""
    cut = {}
    for name, (time_ms, values, *columns) in run.arrays.items():
        kept = time_ms <= end_ms
        cut[name] = (time_ms[kept], values[kept], *columns)
    return pieces.Kept(cut, (), {}, {})


def first_ms(one, other, name):
    """Return when a signal of two runs differs for the first time."""
    time_ms, mine = one.column(name)
    differs = np.flatnonzero(mine != other.column(name)[1])
    assert len(differs), f"{name} is the same in both runs"
    return float(time_ms[differs[0]])


def test_nothing_knows_of_the_burst_before_it_begins(burst, nothing):
    start_ms = BURST_MS[0]
    assert pieces.differences(until(burst, start_ms), until(nothing, start_ms)) == []
    assert pieces.differences(burst, nothing) != []


def rate_hz(run, cells, population, span_ms):
    time_ms, _ = run.spikes("cerebellum_R", population)
    inside = (time_ms > span_ms[0]) & (time_ms <= span_ms[1])
    return inside.sum() / cells / (span_ms[1] - span_ms[0]) * 1e3


@pytest.mark.parametrize("population", PUBLISHED)
def test_the_spiking_half_answers_as_published(population, burst, shipped):
    rate, tolerance = PUBLISHED[population]
    cells = sizes(shipped[0])[population]
    assert rate_hz(burst, cells, population, BURST_MS) == pytest.approx(rate, rel=tolerance)
    assert rate_hz(burst, cells, population, REST_MS) < 0.9 * rate


def test_inhibition_reaches_spiking_nuclei_after_their_own_fibres(burst, shipped):
    """Mossy fibres excite the nuclei at once; the longer way is by Purkinje cells."""
    cells = sizes(shipped[0])["dcn_p"]
    rest = rate_hz(burst, cells, "dcn_p", REST_MS)
    early = rate_hz(burst, cells, "dcn_p", (405.0, 425.0))
    late = rate_hz(burst, cells, "dcn_p", (425.0, 440.0))
    assert early > 1.2 * rest
    assert late < early
    purkinje = sizes(shipped[0])["purkinje"]
    assert rate_hz(burst, purkinje, "purkinje", (420.0, 440.0)) > 2 * rate_hz(
        burst, purkinje, "purkinje", REST_MS
    )


@pytest.mark.parametrize("variable", MEAN_FIELD)
def test_the_mean_field_half_goes_to_its_steady_state(variable, burst):
    time_ms, values = burst.column(f"cerebellar_cortex/Raw:{variable}[CbCtx_L]")
    end = values[(time_ms > 440.0) & (time_ms <= BURST_MS[1])]
    assert end == pytest.approx(np.full(len(end), MEAN_FIELD[variable]), rel=0.02)
    rest = values[(time_ms > REST_MS[0]) & (time_ms <= REST_MS[1])].mean()
    assert rest < 0.6 * MEAN_FIELD[variable]


def test_inhibition_reaches_mean_field_nuclei_4_ms_later(burst, nothing, tracts):
    step = BURST_MS[0] + STEP_MS
    purkinje = first_ms(burst, nothing, "cerebellar_cortex/Raw:PC[CbCtx_L]")
    assert purkinje == step
    assert first_ms(burst, nothing, "nuclei/Raw:DCNp[CbNuc_L]") == step  # their own mossy fibres
    arrival = tracts.arrival_ms("CbCtx_L", "CbNuc_L", purkinje)
    assert first_ms(burst, nothing, "nuclei/Raw:DCNi[CbNuc_L]") == arrival == step + 4.5
    time_ms, dcn_p = burst.column("nuclei/Raw:DCNp[CbNuc_L]")
    top = time_ms[np.argmax(dcn_p)]
    assert arrival < top < 420.0
    assert dcn_p[time_ms == BURST_MS[1]] < 0.95 * dcn_p.max()


@pytest.mark.parametrize(
    ("nuclei", "sent"),
    [("CbNuc_L", "nuclei/Raw:DCNp[CbNuc_L]"), ("CbNuc_R", "border/CbNuc_R.dcn_p.to.cortex/output")],
)
def test_the_cortex_of_the_other_side_hears_after_each_delay(
    nuclei, sent, burst, nothing, tracts
):
    changed = first_ms(burst, nothing, sent)
    assert changed > BURST_MS[0]
    targets = [t for t in tracts.targets(nuclei) if not t.startswith("Cb")]
    assert len(targets) == 7
    for target in targets:
        arrival = tracts.arrival_ms(nuclei, target, changed)
        assert arrival - changed > 27.0
        assert first_ms(burst, nothing, f"cortex/Raw:S_e[{target}]") == arrival


PULSE = {
    "regions": ["?V*", "lA1"], "parameter": "I_o", "add": 0.05, "start": "11 ms", "stop": "29 ms",
}


@pytest.fixture(scope="module")
def stimulated(tmp_path_factory):
    """A brain in two pieces around a spiking region, with a stimulus in regions of both."""
    folder = tmp_path_factory.mktemp("pieces")
    spiking = pieces.parrots([5.0, 12.0], sends=[{
        "population": "all", "to": ["cortex"], "as": "S", "gating": {},
        "through": {"rate": {"kernel": "exponential", "tau": "5 ms"}},
    }])
    rules = [{"match": "rV2", "as": "spiking"}, *pieces.HALVES]
    models = {"spiking": spiking, "cortex": pieces.wong_wang(stochastic=True, stimuli=[PULSE])}
    return pieces.write(folder, rules, models, brain=pieces.TVB_DATA)


@pytest.fixture(scope="module")
def in_one_process(stimulated):
    return pieces.serial(stimulated, window="1 ms")


def test_a_stimulus_raises_its_regions_alone_at_first(stimulated, in_one_process):
    text = stimulated.read_text().replace("add: 0.05", "add: 0")
    folder = stimulated.parent / "resting"
    folder.mkdir()
    resting = folder / "hybrid.yaml"
    resting.write_text(text)
    other = pieces.serial(resting, window="1 ms")
    for name in ("left", "right"):
        time_ms, mine, columns = in_one_process.arrays[f"{name}/Raw"]
        differs = mine != other.arrays[f"{name}/Raw"][1]
        at_first = differs[np.isclose(time_ms, 11.1)][0]
        assert not differs[time_ms < 11.05].any()
        hit = [label[3] == "V" or label == "S[lA1]" for label in columns]
        assert at_first.tolist() == hit


def test_mpirun_gives_the_same_bits(stimulated, in_one_process):
    found = pieces.mpi(stimulated, "--placement", "simulators")
    assert pieces.differences(found, in_one_process) == []


def test_the_scenario_says_only_what_differs():
    assert yaml.safe_load(STIMULUS.read_text())["base"] == cerebellum.HYBRID.name
