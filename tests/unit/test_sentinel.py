"""The small process that speaks for a rank: what it answers, and what it says at last."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cosim.sentinel import FAILURE_FILE
from cosim.stalls import post
from cosim.stalls.chain import PREPARATION, Wait

LIMIT_S = 60.0
WAITS = Wait("a", 3, "b:x -> a:y", "b", 2.5)
#: A rank that does what it is told, line by line.
RANK = """
import sys
from pathlib import Path
from cosim.sentinel import Sentinel
from cosim.stalls.chain import Wait
sentinel = Sentinel.start()
print("begun", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


@pytest.fixture
def rank(tmp_path):
    """Start a rank; return what tells it to do something, and its number."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", RANK], cwd=tmp_path, text=True, **pipes)
    assert process.stdout.readline() == "begun\n"

    def tell(line):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    yield tell, process
    process.kill()
    process.communicate(timeout=LIMIT_S)


def answer(folder, text, ranks=(4,)):
    """Ask, and return the answer."""
    post.folder_of(folder).mkdir(exist_ok=True)
    post.ask(folder, text)
    deadline_s = time.monotonic() + LIMIT_S
    while not (found := post.answers(folder, text, ranks)):
        assert time.monotonic() < deadline_s, "nobody answers"
        time.sleep(0.02)
    return found[ranks[0]]


def test_a_sentinel_answers_for_its_rank_whatever_that_does(tmp_path, rank):
    tell, process = rank
    tell('sentinel.rank(4, "rank 4 (role a)")')
    tell('sentinel.run_dir(Path("."))')
    tell(f"sentinel.note({PREPARATION!r})")
    first = answer(tmp_path, "0-1-0")
    assert (first.phase, first.window, first.waits) == (PREPARATION, -1, ())
    assert first.state in "RS"
    tell('sentinel.note("window 3")')
    tell(f"sentinel.waits([{WAITS!r}])")
    waiting = answer(tmp_path, "0-1-1")
    assert (waiting.phase, waiting.window) == ("window 3", 3)
    assert waiting.waits == (WAITS,)
    later = answer(tmp_path, "0-1-2")
    assert 2.5 <= waiting.waits[0].waited_s < later.waits[0].waited_s
    assert waiting.since_s < later.since_s
    tell("sentinel.waits([])")
    tell("import time; end_s = time.process_time() + 0.5")
    tell("while time.process_time() < end_s: pass")
    worked = answer(tmp_path, "0-1-3")
    assert worked.waits == ()
    assert worked.cpu_s > first.cpu_s + 0.4
    os.kill(process.pid, signal.SIGSTOP)
    assert answer(tmp_path, "0-1-4").state == "T"


def test_waits_are_over_with_the_next_phase(tmp_path, rank):
    tell, _ = rank
    tell('sentinel.rank(4, "rank 4 (role a)"); sentinel.run_dir(Path("."))')
    tell(f"sentinel.waits([{WAITS!r}]); sentinel.note('window 4')")
    found = answer(tmp_path, "0-1-0")
    assert (found.window, found.waits) == (4, ())


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("pass", "a rank without a role yet"),
        ('sentinel.rank(4, "rank 4"); sentinel.note("window 3")', "rank 4 in window 3"),
    ],
)
def test_a_rank_that_is_killed_is_told_of(tmp_path, rank, told, said):
    tell, process = rank
    tell('sentinel.run_dir(Path("."))')
    tell(told)
    process.kill()
    out = process.communicate(timeout=LIMIT_S)[1]
    assert out == f"\ncosim: {said} was killed without a word\n"
    assert (tmp_path / FAILURE_FILE).read_text().strip() == out.strip()


def test_a_rank_that_says_goodbye_is_not(tmp_path, rank):
    tell, process = rank
    tell('sentinel.run_dir(Path(".")); sentinel.release()')
    process.kill()
    assert process.communicate(timeout=LIMIT_S)[1] == ""
    assert list(tmp_path.iterdir()) == []
