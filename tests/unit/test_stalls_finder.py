"""A long wait: when it is told, when others are asked, and what comes of the answers."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cosim.cli.launching import arguments_of
from cosim.cli.options import wait_s
from cosim.cli.running import Request
from cosim.errors import CosimError, RoleFailed, UsageError
from cosim.patience import STEP_S, Stopwatch
from cosim.stalls import post
from cosim.stalls.chain import PREPARATION, Statement, Wait
from cosim.stalls.finder import Job, StallFinder
from cosim.stalls.limit import FLOOR_S, WINDOWS, WaitLimit
from cosim.stalls.processes import Facts, facts
from cosim.stalls.single import SingleWait

ROLES = {"a": 0, "b": 1, "c": 2}
HERE = Wait("a", 5, "b:x -> a:y", "b")


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


class Teller:
    def __init__(self):
        self.said = []

    def waits(self, waits):
        self.said.append(tuple(waits))


class Others:
    """Ranks whose sentinels answer at once, each with what it is given."""

    def __init__(self, folder, statements):
        self.folder, self.statements, self.questions = folder, statements, []

    def answer(self):
        question = post.question(self.folder)
        if question and question not in self.questions[-1:]:
            self.questions.append(question)
            for rank, statement in self.statements.items():
                now = statement(len(self.questions)) if callable(statement) else statement
                if now is not None:
                    post.answer(self.folder, rank, question, now)


class Waited:
    """One wait of rank 0, poll by poll."""

    def __init__(self, folder, clock, statements, *, limit_s=10.0, one_node=True):
        regions = {role: f"V-{role}" for role in ROLES}
        self.teller, self.clock = Teller(), clock
        self.others = Others(folder, statements)
        job = Job(0, ROLES, regions, folder, one_node)
        self.finder = StallFinder(job, self.teller, WaitLimit(limit_s))
        self.finder.begin()

    def go_on(self, for_s, step_s=0.1, waits=(HERE,)):
        for _ in range(round(for_s / step_s)):
            self.clock.now_s += step_s
            self.finder.still(lambda: waits)
            self.others.answer()


def computing(look):
    return Statement("window 4", 20.0, (), "S", float(look))


def idle(look):
    return Statement("window 4", 20.0, (), "S", 1.0)


@pytest.fixture
def said(capsys):
    return lambda: [line for line in capsys.readouterr().err.splitlines() if line]


def test_short_waits_cost_nothing(tmp_path, clock):
    waited = Waited(tmp_path, clock, {})
    for _ in range(100):
        waited.finder.begin()
        waited.go_on(0.9, waits=None)
        waited.finder.over()
    assert waited.teller.said == []
    assert list(tmp_path.iterdir()) == []


def test_a_long_wait_is_told_once_and_taken_back(tmp_path, clock):
    waited = Waited(tmp_path, clock, {})
    waited.go_on(5.0)
    assert waited.teller.said == [(HERE,)]
    assert 1.0 <= waited.teller.said[0][0].waited_s < 1.3
    other = replace(HERE, channel="c:x -> a:z", peer="c")
    waited.go_on(2.0, waits=(other,))
    assert waited.teller.said == [(HERE,), (other,)]
    waited.finder.over()
    assert waited.teller.said[-1] == ()
    assert list(tmp_path.iterdir()) == []


def test_who_sleeps_for_ever_is_named(tmp_path, clock, said):
    waited = Waited(tmp_path, clock, {1: idle, 2: computing})
    waited.go_on(9.8)
    assert waited.others.questions == []
    with pytest.raises(RoleFailed) as caught:
        waited.go_on(10.0)
    assert len(waited.others.questions) == 3
    error = caught.value
    assert (error.role, error.rank, error.window, error.region) == ("b", 1, 4, "V-b")
    assert re.fullmatch(
        r"role b on rank 1, region V-b failed in window 4: waited 1\d s: b sleeps in window 4 and "
        r"uses no processor; a waits in window 5 for b on 'b:x -> a:y' \(1\d s\)",
        str(error),
    )
    assert waited.finder.lost == {1}
    assert said() == []
    assert list(post.folder_of(tmp_path).iterdir()) == []


def test_who_computes_is_waited_for_with_warnings_that_become_rare(tmp_path, clock, said):
    waited = Waited(tmp_path, clock, {1: computing, 2: computing})
    waited.go_on(120.0)
    lines = said()
    waited_s = [float(re.search(r"\((\d+) s\)$", line)[1]) for line in lines]
    assert 10 < waited_s[0] < 15
    assert len(lines) == 4
    assert all(2 <= b / a < 2.3 for a, b in itertools.pairwise(waited_s))
    assert all(line.startswith("cosim: a wait takes long: b computes window 4;") for line in lines)
    assert waited.finder.notes == [line.removeprefix("cosim: ") for line in lines]
    waited.finder.over()
    assert not post.question(tmp_path)


def test_what_is_seen_only_once_is_not_believed(tmp_path, clock, said):
    """Two looks at somebody who sleeps, then one that shows that it works."""
    late = {1: lambda look: idle(look) if look < 3 else computing(look), 2: computing}
    waited = Waited(tmp_path, clock, late)
    waited.go_on(15.0)
    assert len(said()) == 1


def test_nobody_answers_for_who_is_gone(tmp_path, clock):
    for one_node, limit_s in ((True, 10.0), (False, 90.0)):
        waited = Waited(tmp_path, clock, {1: lambda look: None, 2: idle}, one_node=one_node)
        with pytest.raises(RoleFailed, match=r"b on rank 1.*window 5: .*nobody answers for b"):
            waited.go_on(400.0)
        took_s = waited.finder._watch.read()
        assert 3 * limit_s < took_s < 3 * limit_s + 20


def test_only_one_rank_asks_at_a_time(tmp_path, clock):
    assert post.begin(tmp_path, "2-1-0")
    waited = Waited(tmp_path, clock, {1: idle, 2: idle})
    waited.go_on(60.0)
    assert post.question(tmp_path) == "2-1-0"
    post.end(tmp_path, [0, 1])
    with pytest.raises(RoleFailed, match="b sleeps"):
        waited.go_on(20.0)


def test_ranks_say_the_same_thing_once(tmp_path, clock, said):
    first = Waited(tmp_path, clock, {1: computing, 2: computing})
    first.go_on(15.0)
    first.finder.over()
    second = Waited(tmp_path, clock, {1: computing, 2: computing})
    second.go_on(15.0)
    assert len(said()) == 1
    assert second.finder.notes == []


def test_answers_to_other_questions_are_none(tmp_path, clock):
    waited = Waited(tmp_path, clock, {1: computing, 2: computing})
    waited.go_on(9.0)
    post.folder_of(tmp_path).mkdir()
    for text in ("not JSON", '{"to": "0-1-0"}', "[]", '{"to": "0-9-9", "phase": "window 1"}'):
        (post.folder_of(tmp_path) / "answer-1").write_text(text)
        assert post.answers(tmp_path, "0-1-0", [1, 2]) == {}


def test_a_suspension_is_nobodys_wait(tmp_path, clock, said):
    """After three hours everything goes on, one rank after the other."""
    stopped = {1: Statement("window 4", 20.0, (), "T", 1.0), 2: idle}
    waited = Waited(tmp_path, clock, {1: idle, 2: idle})
    waited.go_on(7.0)
    clock.now_s += 3 * 3600
    waited.go_on(1.0 - 2 * 0.1)
    assert waited.others.questions == [], "the gap counts two seconds at most"
    waited.others.statements = stopped
    waited.go_on(1.6)
    assert waited.others.questions
    # In the middle of an inquiry: what was seen before is forgotten.
    clock.now_s += 3 * 3600
    waited.others.statements = {1: computing, 2: computing}
    waited.go_on(5.0)
    assert len(said()) == 1


def test_a_wait_ends_without_answers_if_the_folder_is_gone(tmp_path, clock):
    waited = Waited(tmp_path / "gone", clock, {1: idle})
    waited.go_on(1700.0, step_s=0.5)
    with pytest.raises(RoleFailed, match=r"a on rank 0.*waits in window 5 for b.*No such file"):
        waited.go_on(200.0, step_s=0.5)


# The limit


def test_the_limit_follows_the_slowest_window_but_for_a_floor():
    limit = WaitLimit()
    assert limit.s == FLOOR_S
    limit.saw(FLOOR_S / WINDOWS / 2)
    assert limit.s == FLOOR_S
    assert not limit.worth_telling(0.0)
    limit.saw(40.0)
    limit.saw(3.0)
    assert limit.s == WINDOWS * 40
    assert limit.worth_telling(0.0)
    assert not limit.worth_telling(39.0)
    fixed = WaitLimit(2.0)
    fixed.saw(40.0)
    assert fixed.s == 2.0


def test_the_limit_travels_from_the_command_line_to_the_ranks():
    request = Request(
        Path("s.yaml"), {}, None, None, False, True, False, wait_limit_s=wait_s("2 min")
    )
    assert " ".join(arguments_of(request)) == "run s.yaml --wait-limit 120 s"
    again = replace(request, resume=True, run_dir=Path("run"))
    assert " ".join(arguments_of(again)) == "resume run --wait-limit 120 s"
    assert wait_s(None) is None
    for text in ("soon", "0 s", "-1 s", "5"):
        with pytest.raises(UsageError, match="--wait-limit is"):
            wait_s(text)


def test_a_stopwatch_counts_a_gap_as_a_short_step(clock):
    watch = Stopwatch()
    for _ in range(10):
        clock.now_s += 0.5
        watch.read()
    clock.now_s += 1e5
    assert watch.read() == pytest.approx(5.0 + STEP_S)
    assert watch.jumps == 1
    watch.restart()
    assert (watch.read(), watch.jumps) == (0.0, 0)


# Processes


@pytest.fixture
def child():
    """Start a Python program that says when it has begun; end it at last."""
    started = []

    def start(code):
        argv = [sys.executable, "-c", f"print('begun', flush=True)\n{code}"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "begun\n"
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def eventually(condition):
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


SLEEP = "import time; time.sleep(300)"
BURN = "while True: pass"
FAMILY = f"""
import subprocess, sys
one = subprocess.Popen([sys.executable, "-c", {BURN!r}])
one.wait()
"""


def test_a_process_that_sleeps_is_told_from_one_that_computes(child):
    sleeper, worker = child(SLEEP), child(BURN)
    eventually(lambda: facts(sleeper).state == "S")
    before = facts(sleeper).cpu_s, facts(worker).cpu_s
    eventually(lambda: facts(worker).cpu_s > before[1] + 0.1)
    assert facts(sleeper).cpu_s == before[0]
    assert facts(worker).state == "R"
    os.kill(worker, signal.SIGSTOP)
    eventually(lambda: facts(worker).state == "T")
    used_s = facts(worker).cpu_s
    eventually(lambda: facts(sleeper).state == "S")
    assert facts(worker).cpu_s == used_s


def test_what_a_process_started_works_for_it(child):
    parent = child(FAMILY)
    try:
        eventually(lambda: facts(parent).state == "R")
        before_s = facts(parent).cpu_s
        eventually(lambda: facts(parent).cpu_s > before_s + 0.05)
    finally:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else [0, 0]
            if int(fields[1]) == parent:
                os.kill(int(stat.parent.name), signal.SIGKILL)


def test_nothing_is_known_without_proc_or_without_the_process(tmp_path):
    assert facts(os.getpid(), proc=tmp_path) == Facts("", None)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a) b) c) S")
    assert facts(7, proc=tmp_path) == Facts("", None)


def test_a_name_may_hold_anything(tmp_path):
    (tmp_path / "7").mkdir()
    fields = ["0"] * 9 + ["100", "50", "7", "3"] + ["0"] * 20
    (tmp_path / "7" / "stat").write_text(f"7 (a) R 1) D 1 {' '.join(fields)}")
    seen = facts(7, proc=tmp_path)
    assert seen.state == "D"
    assert seen.cpu_s * os.sysconf("SC_CLK_TCK") == pytest.approx(160)


# A simulator apart


@pytest.mark.parametrize(
    ("code", "said"),
    [(SLEEP, "the child sleeps in 'advance' and uses no processor"), (None, "is stopped")],
)
def test_a_single_process_is_not_waited_for_in_vain(child, monkeypatch, code, said):
    monkeypatch.setattr("cosim.stalls.single.BETWEEN_S", 0.1)
    pid = child(code or BURN)
    if code is None:
        os.kill(pid, signal.SIGSTOP)
    eventually(lambda: facts(pid).state in "ST")
    wait = SingleWait("the child", "'advance'", pid, WaitLimit(0.2))
    with pytest.raises(CosimError, match=said):
        keep_waiting(wait, 60)


@pytest.mark.parametrize(("code", "phase"), [(BURN, "'advance'"), (SLEEP, PREPARATION)])
def test_a_single_process_that_works_is_waited_for(child, capsys, code, phase):
    wait = SingleWait("the child", phase, child(code), WaitLimit(0.2))
    deadline_s = time.monotonic() + 60
    said = ""
    while "a wait takes long: the child" not in said:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
        wait.still()
        said += capsys.readouterr().err
    assert wait.waited_s() > 0.2


def keep_waiting(wait, limit_s):
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        time.sleep(wait.pause_s)
        wait.still()
