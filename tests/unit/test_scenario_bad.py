"""Wrong scenarios are refused with the line and the mend, before anything starts."""

import re
import shutil
import sys

import pytest
from bad.cases import CASES, GOOD, OVERLAY, edited

from cosim.cli import main

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
    with open("s.yaml", "w", encoding="utf-8") as file:
        file.write(text)
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
