"""Wrong scenarios are refused with the line and the mend, before anything starts."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from bad.cases import CASES, GOOD, OVERLAY, edited

from cosim.cli import main
from cosim.scenario.load import load as load_case

CLOSING = re.compile(r"\d+ problems?; nothing was run")


@pytest.fixture
def cosim(tmp_path, monkeypatch, capfd):
    """Run a command in this process and return its exit code and what it says on stderr."""
    shutil.copy(OVERLAY, tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        monkeypatch.setattr(sys, "argv", ["cosim", *argv])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capfd.readouterr().err

    return run


def refused(cosim, text, *argv):
    """Return the lines that refuse a scenario, without the closing one."""
    Path("s.yaml").write_text(text, encoding="utf-8")
    code, err = cosim(*(argv or ("check", "s.yaml")))
    assert code == 2, err
    assert "Traceback" not in err
    *lines, closing = err.splitlines()
    assert CLOSING.fullmatch(closing)
    assert closing.startswith(f"{len(lines)} problem")
    return lines


def test_the_scenario_that_is_edited_is_good(cosim):
    shutil.copy(GOOD, "s.yaml")
    code, err = cosim("check", "s.yaml")
    assert (code, err) == (0, "")


def test_there_are_many_distinct_cases():
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({(case.old, case.new) for case in CASES}) == len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_mistake_gives_one_message_with_line_and_mend(cosim, case):
    text, line = edited(GOOD.read_text(encoding="utf-8"), case)
    lines = refused(cosim, text)
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"s.yaml:{line}: "), lines[0]
    missing = [part for part in case.says if part not in lines[0]]
    assert not missing, f"{missing} not in {lines[0]!r}"


def good_with(*edits):
    text = GOOD.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def line_of(text, part):
    assert text.count(part) == 1, part
    return text[: text.index(part)].count("\n") + 1


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(cosim):
    text = good_with(
        ("seed: 42", "sead: 42"),
        ("conduction_speed: 4 m/s", "conduction_speed: 4 km/h"),
        ("match: rV1,", "match: rV11,"),
        ("{w: 0.6, I_o", "{w_: 0.6, I_o"),
        ("{period: 2 s}", "{period: 2 s, periot: 3 s}"),
        ("as: r, gain: 12 Hz}", "as: r, gain: 12}"),
        ("excitatory_inputs: 8", "excitatory_input: 8"),
        ("basket: {model: iaf_cond_exp,", "basket: {model: iaf_cond_exq,"),
        ("device: poisson_generator", "device: poisson_generatr"),
        ("transformers: {placement: own_ranks,", "transformers: {placement: own,"),
        ("every 10th", "every so often"),
    )
    lines = refused(cosim, text)
    numbers = [int(line.split(":")[1]) for line in lines]
    assert numbers == sorted(numbers)
    places = (
        "sead", "4 km/h", "rV11", "w_:", "periot", "gain: 12}", "excitatory_input:",
        "iaf_cond_exq", "poisson_generatr", "placement: own,", "every so often",
    )
    assert numbers == [line_of(text, part) for part in places], "\n".join(lines)


def test_problems_of_the_plan_and_of_the_simulators_are_told_together(cosim):
    text = good_with(
        ("window: 1 ms", "window: 2 ms"),
        ("{C_m: 200 pF}", "{Cm: 200 pF}"),
        ("{w: 0.6,", "{W: 0.6,"),
    )
    window, tvb, nest = refused(cosim, text)
    assert "rCCA -> lCCA" in window
    assert "did you mean 'w'?" in tvb
    assert "did you mean 'C_m'?" in nest


def test_a_misspelt_section_is_searched_for_further_mistakes(cosim):
    text = good_with(
        ("    integrator: {HeunStochastic: {dt: 0.1 ms, nsig: 1.0e-5}}",
         "    integrater: {HeunStochastic:\n      {dt: 0.1 ms, nsig: -1.0e-5}}"),
        ("models:", "modles:"),
    )
    models, section, inside = refused(cosim, text)
    assert "did you mean 'models'?" in models
    assert "did you mean 'integrator'?" in section
    assert inside.startswith(f"s.yaml:{line_of(text, 'nsig: -')}: ")


def test_a_model_that_is_wrong_is_no_unknown_model_to_others(cosim):
    text = good_with(("    threads: 1", "    threads: none"), ("model: Reduced", "model: Reducd"))
    unknown, threads = refused(cosim, text)
    assert "'ReducdWongWang'" in unknown
    assert "'models.built.threads' is 'none'" in threads


def test_who_is_silent_about_its_activity_is_named_at_every_listener(cosim):
    text = good_with(('    activity: {of: S, unit: "1"}\n', ""))
    field, spikes = refused(cosim, text)
    assert "models.left.translate[0].from[0]" in field
    assert "models.built.receives[0].from[0]" in spikes
    assert "'activity: {of: <variable>, unit: <unit>}' under models.cortex" in spikes


@pytest.mark.parametrize("command", [("run",), ("run", "--serial"), ("plan",), ("check",)])
def test_nothing_starts_with_a_wrong_scenario(cosim, tmp_path, command, monkeypatch):
    monkeypatch.setenv("PATH", "")  # whatever is started would not be found
    text = good_with(("seed: 42", "seed: none"))
    (line,) = refused(cosim, text, *command, "s.yaml")
    assert line == "s.yaml:2: 'seed' is 'none'; expected a whole number"
    assert {p.name for p in tmp_path.iterdir()} == {"s.yaml", "overlay.yaml"}


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--window", "2", "the unit is missing"),
        ("--window", "2 ms", "too long for the border edge rCCA -> lCCA"),
        ("--duration", "0 ms", "positive"),
        ("--duration", "1.5 ms", "a multiple of 1 ms"),
        ("--seed", "4294967296", "below 4294967296"),
    ],
)
def test_an_option_is_told_from_the_file(cosim, option, value, says):
    (line,) = refused(cosim, good_with(), "run", "--serial", "s.yaml", option, value)
    assert line.startswith(f"option {option}: ")
    assert says in line


@pytest.mark.parametrize("ranks", [1, 3, 11])
def test_ranks_that_do_not_suit_are_refused_with_those_that_do(cosim, ranks):
    shutil.copy(GOOD, "s.yaml")
    code, err = cosim("plan", "s.yaml", "--ranks", str(ranks))
    assert code == 2
    assert err.startswith(f"cosim: {ranks} ranks do not suit")
    assert "expected 4 to 10 ranks" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "s.yaml:1: a scenario is a mapping of keys"),
        (b"- name: x", "s.yaml:1: a scenario is a mapping of keys"),
        (b"just text", "s.yaml:1: a scenario is a mapping of keys"),
        (b"name: \xff", "s.yaml: is not UTF-8 text"),
        (b"name: x\nseed: \x07", "s.yaml:2: this is not YAML: the character #x0007"),
        (b"[" * 5000, "s.yaml:1: lists or mappings are nested too deeply"),
    ],
    ids=["empty", "list", "text", "no UTF-8", "control character", "deep"],
)
def test_files_that_hold_no_scenario(cosim, content, says):
    Path("s.yaml").write_bytes(content)
    code, err = cosim("check", "s.yaml")
    assert code == 2
    first, _ = err.splitlines()
    assert first.startswith(says)


@pytest.mark.parametrize(("name", "says"), [("t.yaml", "No such file"), (".", "s a directory")])
def test_files_that_cannot_be_read(cosim, name, says):
    code, err = cosim("check", name)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


def test_aliases_that_multiply_are_stopped(cosim):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    lines = refused(cosim, "\n".join(rows))
    assert any("aliases make more than 100000 values" in line for line in lines)


@pytest.mark.parametrize("seed", ["010", "+7", "0"])
def test_whole_numbers_are_decimal(cosim, seed):
    Path("s.yaml").write_text(good_with(("seed: 42", f"seed: {seed}")), encoding="utf-8")
    code, _ = cosim("check", "s.yaml")
    assert code == 0
    assert load_case(Path("s.yaml")).scenario.seed == int(seed)
