"""What several of these tests use."""

import sys

import pytest

from cosim.cli import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs the command line in here: exit code, output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cosim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run
