"""Activity of whole brains with a cerebellum, against published and tabulated rates."""

import cerebellum_brain_pieces as pieces
import numpy as np
import pytest

#: Steady state of the mean field of the awake network at 4 Hz of mossy fibres, spikes/s.
AWAKE_HZ = {"GrC": 4.4, "GoC": 10.1, "MLI": 34.7, "PC": 72.7}
#: Rates at rest in the brain of 126 regions (Lorenzi et al. 2025): physiological bands, spikes/s.
BANDS_HZ = {"GrC": (0.02, 1.0), "GoC": (3, 12), "MLI": (15, 25), "PC": (40, 60)}

STEP = {"dt": "0.5 ms"}
QUIET = {"HeunStochastic": {**STEP, "nsig": 0.0}}
#: Near the rest of the published mean field, in kHz, so that short runs reach it.
NEAR = {"GrC": 1e-4, "GoC": 5e-3, "MLI": 0.0187, "PC": 0.046}


def cortical_hz(means):
    """Return the mean rate of every cortical region: at rest S / tau = (1 - S) gamma r."""
    S = np.array(list(pieces.of(means, "S_e").values()))
    return S / (1 - S) / (100.0 * 0.641e-3)


@pytest.fixture(scope="module")
def brain_76(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brain76") / "run"
    return pieces.late_means(pieces.BRAIN_76, folder, duration="400 ms")


def test_cortex_rests_near_three_spikes_a_second(brain_76):
    rates_hz = cortical_hz(brain_76)
    assert len(rates_hz) == 76
    assert rates_hz.mean() == pytest.approx(3.1, abs=0.3)
    assert rates_hz.min() > 1.5
    assert rates_hz.max() < 6.0


def test_cerebellum_rests_at_its_tabulated_rates(brain_76):
    # Half of the 4 Hz of mossy fibres is background, half comes from the cortex.
    for variable, expected_hz in AWAKE_HZ.items():
        rates_hz = pieces.hz(brain_76, variable)
        assert len(rates_hz) == 2
        np.testing.assert_allclose(rates_hz, expected_hz, rtol=0.05)


def test_nuclei_follow_their_law(brain_76):
    PC_hz, DCNp_hz = pieces.hz(brain_76, "PC"), pieces.hz(brain_76, "DCNp")
    np.testing.assert_allclose(DCNp_hz, 60.8 + 0.60 * 4.0 - 0.20 * PC_hz, atol=0.5)


def test_without_control_the_cortex_leaves_rest(tmp_path):
    loose = {"cortex": {"parameters": {"J_i": 1.0}, "integrator": QUIET}}
    means = pieces.late_means(pieces.BRAIN_76, tmp_path / "run", duration="400 ms", models=loose)
    assert cortical_hz(means).mean() > 10.0


def models_126(**cerebellar):
    return {
        "cerebrum": {"integrator": QUIET},
        "cerebellar_cortex": {
            "integrator": {"HeunStochastic": STEP},
            "initial": NEAR,
            "parameters": cerebellar,
        },
        "nuclei": {
            "integrator": {"HeunDeterministic": STEP},
            "initial": {"DCNp": 0.054, "DCNi": 0.0133},
        },
    }


def run_126(folder, **cerebellar):
    models = models_126(**cerebellar)
    return pieces.late_means(pieces.BRAIN_126, folder, duration="200 ms", models=models)


@pytest.fixture(scope="module")
def brain_126(tmp_path_factory):
    return run_126(tmp_path_factory.mktemp("brain126") / "run")


@pytest.mark.parametrize("variable", BANDS_HZ)
def test_lobules_rest_in_the_published_bands(variable, brain_126):
    low, high = BANDS_HZ[variable]
    rates_hz = pieces.hz(brain_126, variable)
    assert len(rates_hz) == 27
    assert rates_hz.min() > low
    assert rates_hz.max() < high


def test_cerebral_drive_makes_lobules_differ(brain_126):
    assert 0.2 < np.ptp(pieces.hz(brain_126, "PC")) < 5.0
    assert pieces.hz(brain_126, "GrC").max() > 1.5 * pieces.hz(brain_126, "GrC").min()
    np.testing.assert_allclose(cortical_hz(brain_126), 3.063, rtol=0.02)


def test_drive_of_one_lobule_raises_its_purkinje_cells_and_lowers_its_nuclei(brain_126, tmp_path):
    driven = run_126(tmp_path / "run", mf_background={"default": 0.004, "Left_VI": 0.020})
    before, after = (pieces.of(m, "PC") for m in (brain_126, driven))
    assert 1e3 * after.pop("Left_VI") == pytest.approx(57.0, abs=1.0)
    assert 1e3 * max(after.values()) < 50.0
    for label, rate in after.items():
        assert rate == pytest.approx(before[label], abs=1e-3)
    nuclei_before, nuclei_after = (pieces.of(m, "DCNp") for m in (brain_126, driven))
    change_hz = {k: 1e3 * (nuclei_after[k] - nuclei_before[k]) for k in nuclei_before}
    for reached in ("Left_Dentate", "Left_Interposed"):
        assert change_hz[reached] < -0.1
        assert change_hz[reached] < 3 * change_hz["Right_Dentate"]
