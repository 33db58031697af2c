"""The benchmarks run, and their table says what was measured. Speed itself is not asked."""

import csv
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import exchange, generators, jobs, run, scenarios
from benchmarks.options import Options
from benchmarks.rows import Row, failure, row
from cosim.plan.build import open_case

SIZES = {128, 1024, 16384, 131072, 1048576}


@pytest.fixture
def options(tmp_path):
    return Options(quick=True, repeats=1, folder=tmp_path)


def test_a_ratio_is_that_of_pairs_not_of_medians():
    found = row("b", "c", [2.0, 9.0, 4.0], [1.0, 3.0, 4.0], "s", limit="at most 1.5")
    assert (found.ratio, found.ratio_low, found.ratio_high) == (2.0, 1.0, 3.0)
    assert (found.measured, found.reference, found.repeats) == (4.0, 3.0, 3)
    assert found.verdict == "no"


@pytest.mark.parametrize(
    ("limit", "verdict"), [("at least 4", "yes"), ("at least 4.1", "no"), ("", "")]
)
def test_how_many_times_faster_is_the_inverse(limit, verdict):
    found = row("b", "c", [0.5], [2.0], "s", limit=limit, faster=True)
    assert found.ratio == 4.0
    assert found.verdict == verdict


def test_a_row_without_pairs_is_refused():
    with pytest.raises(ValueError, match="no pairs"):
        row("b", "c", [], [], "s")


def broken(options):
    yield row("broken", "first", [1.0], [2.0], "s")
    raise RuntimeError("out of luck")


def sound(options):
    yield row("sound", "only", [1.0], [2.0], "s", limit="at most 1", note="as told")


def test_others_go_on_when_one_fails(tmp_path, monkeypatch, capsys):
    modules = {"benchmarks.one": broken, "benchmarks.two": sound}
    monkeypatch.setattr(run, "BENCHMARKS", {"one": "one", "two": "two"})
    monkeypatch.setattr(run, "import_module", lambda n: SimpleNamespace(rows=modules[n]))
    assert run.main(["--quick", "--out", str(tmp_path / "out")]) == 1
    with (tmp_path / "out/benchmarks.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["benchmark"] for line in lines] == ["broken", "one", "sound"]
    assert [line["verdict"] for line in lines] == ["", "failed", "yes"]
    assert "out of luck" in lines[1]["note"]
    assert (tmp_path / "out/benchmarks.png").read_bytes().startswith(b"\x89PNG")
    table = (tmp_path / "out/benchmarks.md").read_text()
    assert "| sound | only | 0.5 |" in table
    assert "RuntimeError: out of luck" in table
    assert "FAILED" in capsys.readouterr().out


def test_all_well_ends_with_0(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "BENCHMARKS", {"two": "two"})
    monkeypatch.setattr(run, "import_module", lambda n: SimpleNamespace(rows=sound))
    assert run.main(["--out", str(tmp_path)]) == 0


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        run.main(["--only", "exchange,nonsense"])
    assert "no benchmark nonsense" in capsys.readouterr().err


def test_every_benchmark_has_lines():
    for name in run.BENCHMARKS:
        assert callable(run._benchmark(name))


def test_a_failure_has_no_figures():
    found = failure("b", "c", "why")
    assert isinstance(found, Row)
    assert math.isnan(found.ratio)
    assert found.verdict == "failed"


def test_the_exchange_is_measured_for_both_kinds_and_all_sizes(options, monkeypatch):
    monkeypatch.setattr(exchange, "ROUNDS", 2)
    found = list(exchange.rows(options))
    assert len(found) == 2 * len(SIZES)
    assert all(r.ratio > 0 and r.limit == "at most 2" for r in found)


def test_the_generators_are_measured(options, monkeypatch):
    monkeypatch.setattr(generators, "elephant", lambda: None)
    found = list(generators.rows(options))
    assert [r.case.split()[0] for r in found] == ["100", "1,000", "10,000"]
    assert all(r.ratio > 0 and "stands in" in r.note for r in found)


def test_trains_one_by_one_have_the_rate_that_ours_have():
    mean = sum(len(t) for t in generators.by_train(20_000)()) / 20_000
    expected = generators.rates_hz().mean() * generators.STEPS * generators.STEP_MS / 1e3
    assert mean == pytest.approx(expected, rel=0.15)
    draw = generators.ours(20_000)
    ours = sum(len(draw().ticks) for _ in range(5)) / 5 / 20_000
    assert ours == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("make", "simulators"),
    [
        (scenarios.cortex_and_one, 2),
        (lambda folder: scenarios.rates_into_one(folder, 600), 2),
        (scenarios.cortex_and_cerebellum, 2),
        (scenarios.light, 2),
        (lambda folder: scenarios.of_size(folder, 8, 1000), 9),
        (lambda folder: scenarios.of_size(folder, 1, 100_000), 2),
    ],
)
def test_the_scenarios_can_be_planned(make, simulators, tmp_path):
    _, plan = open_case(make(tmp_path))
    assert len(plan.simulators) == simulators


@pytest.mark.parametrize("window", ["0.5 ms", "20 ms"])
def test_one_scenario_allows_windows_from_half_a_millisecond_to_twenty(window, tmp_path):
    _, plan = open_case(scenarios.any_window(tmp_path), {"window": window, "duration": "300 ms"})
    assert min(c.lag for c in plan.channels if c.edge is not None) >= 1


def test_a_command_that_fails_says_why():
    with pytest.raises(jobs.JobFailed, match=r"nowhere\.yaml"):
        jobs.command("plan", "nowhere.yaml")


def test_the_loop_by_hand_simulates_both():
    pytest.importorskip("nest", reason="optional: NEST")
    program = (sys.executable, "-m", "benchmarks.serial_program", "40")
    said = json.loads(jobs.execute(program).splitlines()[-1])
    assert said["seconds"] > 0
    assert 50 < said["spikes"] < 4000
