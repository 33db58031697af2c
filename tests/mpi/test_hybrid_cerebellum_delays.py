"""The spiking cerebellum in its brain: every path is as slow as connectome and kernel say.

First the input of every region is put together again from what was recorded, the connectome and
the rules of docs/time.md. Then one thing is changed at a time, and the change is followed through
the brain.
"""

import hybrid_cerebellum_pieces as cerebellum
import hybrid_pieces as pieces
import numpy as np
import pytest
from hybrid_cerebellum_pieces import BOX_UM, FIBRES, INPUT, OUTPUT, REST, STEP_MS, kept_by_tvb

from cosim.plan.build import open_case
from cosim_nest.cerebellum.geometry import sizes
from cosim_nest.cerebellum.synapses import synapse_types

WINDOW = "4 ms"
#: Weight of a volley onto the nuclear cells at 5 ms; 0 in the run that the others are compared to.
VOLLEY_NS = 20.0
S_E = 0.164
COUPLING, GAIN_KHZ = 0.014, 0.012
TAU_S_MS, GAMMA = 100.0, 0.641
#: Of the filter of nuclear spikes, and the rate before time 0.
TAU_MS, BEFORE_HZ = 10.0, 46.0
#: How far sums in TVB's single precision are from ours.
CLOSE = 1e-7


def spiking(volley_nS=0.0):
    volley = {
        "device": "spike_generator",
        "to": "dcn_p",
        "parameters": {"spike_times": [5.0]},
        "synapse": {"weight": f"{volley_nS} nS", "delay": "1 ms", "receptor_type": 1},
    }
    return {"network": {"devices": [volley]}}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    cerebellum.require_eglif()
    return cerebellum.derived(tmp_path_factory.mktemp("delays") / "reference", spiking())


@pytest.fixture(scope="module")
def run(reference):
    return pieces.serial(reference, window=WINDOW)


@pytest.fixture(scope="module")
def tracts(reference):
    case, _ = open_case(reference)
    return cerebellum.Tracts(case.brain)


def history(run, name, variable, initial):
    """Return what a variable was before time 0 and after each step, by region."""
    _, values, columns = run.signal(f"{name}/Raw")
    start = f"{variable}["
    return {
        c[len(start) : -1]: np.concatenate([[initial], values[:, i]])
        for i, c in enumerate(columns.tolist())
        if c.startswith(start)
    }


@pytest.fixture(scope="module")
def cortex(run):
    return history(run, "cortex", "S_e", S_E)


def among(values, labels):
    return {label: kept_by_tvb(values[label]) for label in labels}


def explains(recorded, rebuilt, sources, close=CLOSE):
    """Check an input against one that is rebuilt; a step more or less of any source would show."""
    np.testing.assert_allclose(recorded, rebuilt({}), rtol=0, atol=close)
    for source in sources:
        for steps in (-1, 1):
            assert np.abs(recorded - rebuilt({source: steps})).max() > 10 * close


def test_mossy_fibres_hear_every_cortical_area_after_its_own_delay(run, tracts, cortex):
    sources = tracts.sources("CbCtx_R", cortex)
    assert len(sources) == 10
    assert len({tracts.steps(s, "CbCtx_R") for s in sources}) == 7
    heard = among(cortex, sources)
    explains(
        run.column(INPUT)[1],
        lambda late: COUPLING * tracts.coupled("CbCtx_R", heard, late=late),
        sources,
    )


@pytest.mark.parametrize("model", ["cerebellar_cortex", "nuclei"])
def test_mean_field_fibres_do_the_same(model, run, tracts, cortex):
    region = {"cerebellar_cortex": "CbCtx_L", "nuclei": "CbNuc_L"}[model]
    sources = tracts.sources(region, cortex)
    assert len(sources) == 10
    heard = {s: kept_by_tvb(GAIN_KHZ * cortex[s]) for s in sources}
    # A monitor has the input of the step to come.
    explains(
        run.column(f"{model}/AfferentCoupling:mf[{region}]")[1],
        lambda late: tracts.coupled(region, heard, late=late)[1:],
        sources,
        close=1e-9,
    )


def test_mean_field_nuclei_hear_purkinje_cells_after_4_ms(run, tracts):
    assert tracts.steps("CbCtx_L", "CbNuc_L") * STEP_MS == 4.0
    rates = history(run, "cerebellar_cortex", "PC", REST["cerebellar_cortex"]["PC"])
    heard = among(rates, ["CbCtx_L"])
    explains(
        run.column("nuclei/AfferentCoupling:PC[CbNuc_L]")[1],
        lambda late: tracts.coupled("CbNuc_L", heard, late=late)[1:],
        ["CbCtx_L"],
        close=1e-9,
    )


def test_spiking_nuclei_are_as_far_from_purkinje_cells_as_the_connectome_says(tracts):
    assert tracts.steps("CbCtx_R", "CbNuc_R") * STEP_MS == synapse_types()["purkinje_dcn_p"].delay


def gates(rates_kHz, initial):
    """Solve dS/dt = -S / tau + (1 - S) gamma r step by step, from the value before time 0."""
    S = [initial]
    for rate in rates_kHz:
        speed = 1 / TAU_S_MS + GAMMA * rate
        end = GAMMA * rate / speed
        S.append(end + (S[-1] - end) * np.exp(-speed * STEP_MS))
    return np.array(S)


@pytest.fixture(scope="module")
def nuclear(run):
    """Gates that the nuclei open, by region; before time 0 they rest, as their senders do."""
    rates_kHz = run.column(f"{OUTPUT}/rate")[1] / 1e3
    before_kHz = {"CbNuc_R": BEFORE_HZ / 1e3, "CbNuc_L": REST["nuclei"]["DCNp"]}
    resting = {n: GAMMA * r / (1 / TAU_S_MS + GAMMA * r) for n, r in before_kHz.items()}
    left = history(run, "nuclei", "DCNp", REST["nuclei"]["DCNp"])["CbNuc_L"]
    return {
        "CbNuc_R": gates(rates_kHz, resting["CbNuc_R"]),
        "CbNuc_L": gates(left[1:], resting["CbNuc_L"]),
    }


def exponential(steps):
    """Return the share of a spike's rate in each step after it."""
    return np.exp(-steps * STEP_MS / TAU_MS) * -np.expm1(-STEP_MS / TAU_MS)


def test_nuclear_spikes_are_filtered_with_the_stated_delay(run, nuclear):
    times_ms, _ = run.spikes("cerebellum_R", "dcn_p")
    time_ms, rate_hz = run.column(f"{OUTPUT}/rate")
    counts = np.bincount(np.rint(times_ms / STEP_MS).astype(int), minlength=len(time_ms) + 1)[1:]
    spikes_hz = counts / sizes(BOX_UM)["dcn_p"] / STEP_MS * 1e3
    expected_hz = np.convolve(spikes_hz, exponential(np.arange(len(counts))))[: len(counts)]
    expected_hz += BEFORE_HZ * np.exp(-time_ms / TAU_MS)
    np.testing.assert_allclose(rate_hz, expected_hz, rtol=1e-12)
    sent = run.column(f"{OUTPUT}/output")[1]
    np.testing.assert_allclose(sent, nuclear["CbNuc_R"][1:], rtol=1e-12)
    steps = np.arange(10_000)
    mean_ms = (steps * STEP_MS * exponential(steps)).sum()
    assert run.transformer("CbNuc_R.dcn_p.to.cortex")["delay_ms"] == pytest.approx(mean_ms)


@pytest.mark.parametrize("nuclei", ["CbNuc_R", "CbNuc_L"])
def test_cortex_hears_nuclei_of_the_other_side_after_each_delay(
    nuclei, run, tracts, cortex, nuclear
):
    heard = among({**cortex, **nuclear}, [*cortex, *nuclear])
    reached = tracts.targets(nuclei)
    assert len(reached) == 7
    assert len({tracts.steps(nuclei, label) for label in reached}) == 4
    for label in reached:
        sources = {s: heard[s] for s in tracts.sources(label, heard)}
        explains(
            run.column(f"cortex/AfferentCoupling:S_e[{label}]")[1],
            lambda late, label=label, sources=sources: (
                COUPLING * tracts.coupled(label, sources, late=late)[1:]
            ),
            [nuclei],
        )


# One thing is changed, and followed.


def first_ms(run, other, name, seen_as=np.asarray):
    """Return when two runs first differ in a column; None if never."""
    time_ms, values = run.column(name)
    different = np.flatnonzero(seen_as(values) != seen_as(other.column(name)[1]))
    return float(time_ms[different[0]]) if len(different) else None


def change_at(run, other, name, when_ms):
    time_ms, values = run.column(name)
    at = np.flatnonzero(time_ms == when_ms)[0]
    return other.column(name)[1][at] - values[at]


def first_spike_ms(run, other, population):
    """Return the time of the first spike that only one of two runs has."""
    one, two = (set(zip(*r.spikes("cerebellum_R", population), strict=True)) for r in (run, other))
    return float(min(one ^ two)[0])


def spread(tracts, start, changed_ms, cortex):
    """Return when a change of a nucleus can reach each cortical area at the earliest."""
    earliest = {s: np.inf for s in cortex} | {start: changed_ms}
    waiting = [start]
    while waiting:
        source = waiting.pop()
        for target in tracts.targets(source):
            when_ms = tracts.arrival_ms(source, target, earliest[source])
            if target in cortex and when_ms < earliest[target]:
                earliest[target] = when_ms
                waiting.append(target)
    return earliest


def follow(run, other, tracts, cortex, nuclei, changed_ms, sign):
    """Check when a change of nuclei is first felt in each of its targets, and nowhere before.

    Returns when each area first shows it to others.
    """
    earliest = spread(tracts, nuclei, changed_ms, cortex)
    for label in tracts.targets(nuclei):
        name = f"cortex/Raw:S_e[{label}]"
        expected_ms = tracts.arrival_ms(nuclei, label, changed_ms)
        assert earliest[label] == expected_ms
        assert first_ms(run, other, name) == expected_ms
        assert np.sign(change_at(run, other, name, expected_ms)) == sign
    seen = {s: first_ms(run, other, f"cortex/Raw:S_e[{s}]") for s in cortex}
    assert all(ms is None or ms >= earliest[s] for s, ms in seen.items())
    shown = {s: first_ms(run, other, f"cortex/Raw:S_e[{s}]", kept_by_tvb) for s in cortex}
    return {s: ms for s, ms in shown.items() if ms is not None}


@pytest.fixture(scope="module")
def volley(tmp_path_factory):
    path = cerebellum.derived(tmp_path_factory.mktemp("volley") / "it", spiking(VOLLEY_NS))
    return pieces.serial(path, window=WINDOW)


def test_a_volley_of_nuclear_cells_goes_round(run, volley, tracts, cortex):
    fired_ms = first_spike_ms(run, volley, "dcn_p")
    assert fired_ms >= 6.0
    for kind in ("rate", "output"):
        assert first_ms(run, volley, f"{OUTPUT}/{kind}") == fired_ms
    shown_ms = follow(run, volley, tracts, cortex, "CbNuc_R", fired_ms, 1)
    sources = tracts.sources("CbCtx_R", cortex)
    heard = among(history(volley, "cortex", "S_e", S_E), sources)
    rebuilt = COUPLING * tracts.coupled("CbCtx_R", heard)
    np.testing.assert_allclose(volley.column(INPUT)[1], rebuilt, rtol=0, atol=CLOSE)
    reached_ms = [tracts.arrival_ms(s, "CbCtx_R", shown_ms[s]) for s in sources if s in shown_ms]
    assert min(reached_ms) <= first_ms(run, volley, INPUT) < run.column(INPUT)[0][-1]
    assert change_at(run, volley, INPUT, run.column(INPUT)[0][-1]) > 0


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """The mean-field half with 100 Hz more on its mossy fibres, though not in its nuclei."""
    path = cerebellum.derived(
        tmp_path_factory.mktemp("driven") / "it",
        spiking(),
        cerebellar_cortex={"parameters": {"mf_background": 0.102}},
    )
    return pieces.serial(path, window=WINDOW)


def test_mean_field_purkinje_cells_inhibit_nuclei_and_so_cortex(run, driven, tracts, cortex):
    purkinje, nuclear = "cerebellar_cortex/Raw:PC[CbCtx_L]", "nuclei/Raw:DCNp[CbNuc_L]"
    assert first_ms(run, driven, purkinje) == STEP_MS
    assert change_at(run, driven, purkinje, STEP_MS) > 0
    arrived_ms = STEP_MS + 4.0 + STEP_MS
    assert tracts.arrival_ms("CbCtx_L", "CbNuc_L", STEP_MS) == arrived_ms
    assert first_ms(run, driven, nuclear) == arrived_ms
    assert change_at(run, driven, nuclear, arrived_ms) < 0
    follow(run, driven, tracts, cortex, "CbNuc_L", arrived_ms, -1)


@pytest.fixture(scope="module")
def step(tmp_path_factory):
    """The cortex is silent before time 0; whatever reaches a fibre makes it fire in each step."""
    entry = cerebellum.receives(
        gain="1e12 Hz", maximum="2 kHz", through={"regular": {"phases": "aligned"}}
    )
    quiet = {"HeunDeterministic": {"dt": "0.5 ms"}}
    path = cerebellum.derived(
        tmp_path_factory.mktemp("step") / "it",
        {"receives": entry, "network": {"background": "0 Hz"}},
        cortex={"initial": {"S_e": 0.0, "S_i": 0.0}, "integrator": quiet},
    )
    return pieces.serial(path, window="3 ms", duration="30 ms")


def test_a_step_of_the_cortex_comes_out_of_mossy_fibres(step, tracts, cortex):
    sources = tracts.sources("CbCtx_R", cortex)
    expected_ms = min(tracts.arrival_ms(s, "CbCtx_R", STEP_MS) for s in sources)
    assert first_above_0(step.column("cortex/Raw:S_e[lPCI]")) == STEP_MS
    assert first_above_0(step.column(INPUT)) == expected_ms
    fibres = sizes(BOX_UM)["mossy_fibres"]
    times_ms, senders = step.train("CbCtx_R", FIBRES)
    # From then on every fibre fires in every step.
    ends_ms = np.arange(expected_ms, 30.0 + STEP_MS / 2, STEP_MS)
    np.testing.assert_array_equal(times_ms, np.repeat(ends_ms, fibres))
    np.testing.assert_array_equal(senders, np.tile(np.arange(fibres), len(ends_ms)))
    (entry,) = cerebellum.receives()
    assert entry["synapse"]["delay"] == "1 ms"
    inside_ms, cells = step.spikes("cerebellum_R", "mossy_fibres")
    in_time = times_ms + 1.0 <= 30.0
    expected = set(zip(times_ms[in_time] + 1.0, senders[in_time], strict=True))
    assert set(zip(inside_ms, cells, strict=True)) == expected
    assert step.spikes("cerebellum_R", "glomeruli")[0].min() == expected_ms + 2.0


def first_above_0(column):
    time_ms, values = column
    return float(time_ms[np.flatnonzero(values > 0)[0]])
