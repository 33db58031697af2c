"""The shipped scenarios with spiking parts of the cerebellum, as they are planned and run."""

import dataclasses

import pytest
import yaml
from cerebellum_brain_pieces import CONFIGS
from circuit_pieces import require_eglif

from cosim.errors import ScenarioInvalid
from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.serial import run_serial

HYBRID = CONFIGS / "cerebellum_hybrid.yaml"
OLIVE = CONFIGS / "cerebellum_olive.yaml"
LOBULE = CONFIGS / "cerebellum_126_hybrid.yaml"
LEFT = {"match": ["CbCtx_L", "CbNuc_L"], "as": "spiking_cerebellum", "simulator": "cerebellum_L"}


@pytest.fixture
def on(tmp_path):
    """Open a scenario of a few keys that builds on another."""

    def opened(base, **keys):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({"base": str(base), **keys}))
        return open_case(path)

    return opened


def owned(case, plan):
    labels = case.brain.labels
    return {s.name: {labels[r] for r in s.regions} for s in plan.simulators}


def conversions(plan):
    """Return name, gain and unit of each transformer, of which names tell from where to where."""
    return {t.name: (t.gain, t.unit_in, t.unit_out) for t in plan.transformers}


def test_one_more_line_makes_both_sides_spiking(on):
    one, two = open_case(HYBRID), on(HYBRID, regions=[LEFT])
    before, after = owned(*one), owned(*two)
    assert after["cerebellum_R"] == before["cerebellum_R"] == {"CbCtx_R", "CbNuc_R"}
    assert after["cerebellum_L"] == {"CbCtx_L", "CbNuc_L"}
    assert after["cortex"] == before["cortex"]
    right = {k: v for k, v in conversions(one[1]).items() if "_R" in k}
    left = {k: v for k, v in conversions(two[1]).items() if "_L" in k}
    assert {k.replace("_L", "_R"): v for k, v in left.items()} == right
    assert len(right) == 2


def test_a_circuit_holds_the_olive_whose_climbing_fibres_it_has():
    case, plan = open_case(OLIVE)
    labels, weights = case.brain.labels, case.brain.weights
    for side, other in ("RL", "LR"):
        assert owned(case, plan)[f"cerebellum_{side}"] == {
            f"CbCtx_{side}", f"CbNuc_{side}", f"IO_{other}"
        }
        olive = labels.index(f"IO_{other}")
        fed = {labels[j] for j in weights[:, olive].nonzero()[0]}
        assert fed == {f"CbCtx_{side}", f"CbNuc_{side}"}


def test_the_cortex_drives_mossy_fibres_and_olives_of_both_sides():
    _, plan = open_case(OLIVE)
    assert set(conversions(plan)) == {
        name
        for side in "LR"
        for name in (
            f"CbCtx_{side}.mossy_fibres.in0",
            f"IO_{side}.inferior_olive.in1",
            f"CbNuc_{side}.dcn_p.to.cortex",
        )
    }


def test_a_scenario_may_build_on_one_that_overrules_its_base(on):
    case, plan = on(OLIVE, duration="100 ms")
    assert owned(case, plan) == owned(*open_case(OLIVE))
    _, swapped = on(OLIVE, regions=[{"match": "rV1", "as": "cortex", "simulator": "visual"}])
    assert "visual" in {s.name for s in swapped.simulators}
    useless = {"match": "CbCtx_R", "as": "cerebellar_cortex"}
    with pytest.raises(ScenarioInvalid, match="'CbCtx_R' has no effect"):
        on(OLIVE, regions=[LEFT | {"match": "CbCtx_*"}, useless])


def test_a_lobule_takes_the_place_of_a_mean_field():
    case, plan = open_case(LOBULE)
    assert owned(case, plan)["Right_Crus_I"] == {"Right_Crus_I"}
    found = conversions(plan)
    # TVB's rates are in kHz; gains are those of the mean field.
    assert found["Right_Crus_I.granule.to.cerebellar_cortex"] == (
        pytest.approx(1e-3), "spikes/s", "kHz",
    )
    assert found["Right_Crus_I.purkinje.to.nuclei"] == (
        pytest.approx(2.027e-3), "spikes/s", "kHz",
    )
    assert found["Right_Crus_I.mossy_fibres.in0"][:2] == (1000.0, "1")
    assert found["Right_Crus_I.mossy_fibres.in1"][:2] == (1000.0, "kHz")
    assert found["cerebellar_cortex.to.nuclei.PC"] == (pytest.approx(2.027), "kHz", "kHz")


def test_a_lobule_hears_what_the_nuclei_fire():
    _, plan = open_case(LOBULE)
    (nuclei,) = (s for s in plan.simulators if s.name == "nuclei")
    heard = {
        port.name: port.variable
        for port in nuclei.outputs
        if "variable" in {f.name for f in dataclasses.fields(port)}
    }
    assert heard == {"coupling.Right_Crus_I.mossy_fibres.in1": "DCNp"}


def test_a_lobule_has_no_nuclei_of_its_own():
    case, _ = open_case(LOBULE)
    populations = case.scenario.models["spiking_lobule"].populations
    assert "purkinje" in populations
    assert not {"dcn_p", "dcn_i", "inferior_olive"} & set(populations)


def test_an_olivary_cell_fires_when_the_cortex_says_so_and_not_before(on, tmp_path):
    require_eglif()
    spiking = yaml.safe_load(OLIVE.read_text())["models"]["spiking_cerebellum"]
    mossy, climbing = spiking["receives"]
    network = {"box": ["120 um", "100 um"]}
    case, plan = on(
        OLIVE,
        duration="150 ms",
        # Ten times as often as from a resting cortex, so that a short run has events.
        models={
            "spiking_cerebellum": {
                "network": network, "receives": [mossy, {**climbing, "gain": "4290 Hz"}]
            }
        },
        record={"trains": True},
    )
    folder = tmp_path / "run"
    run_serial(case, plan, RunDir.create("olive", folder), Progress(plan.clock, None))
    events = 0
    with open_result(folder) as result:
        for side, other in ("RL", "LR"):
            region = f"IO_{other}"
            train = result.train(region, f"{region}.inferior_olive.in1")
            olive = result.spikes(f"cerebellum_{side}", "inferior_olive")
            for cell in range(olive.size):
                kicks_ms = train.time_ms[train.sender == cell]
                fires_ms = olive.time_ms[olive.sender == cell]
                if not len(kicks_ms):
                    assert not len(fires_ms)
                elif kicks_ms[0] < 135:
                    events += 1
                    assert 0 < fires_ms[0] - kicks_ms[0] <= 12
    assert events >= 3
