"""What lies in a run's folder is checked before a run goes on from it, and so are tapes."""

import json
import os
import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosim.cli import main
from cosim.cli.recorded import recorded
from cosim.errors import CosimError, UsageError
from cosim.links import wire
from cosim.messages import Signal, SpikeBatch
from cosim.plan.model import HEADER_BYTES
from cosim.tapes import Deck
from cosim.tapes.reel import Reel, Tape, TapeDamaged, tape_path

CHANNEL = "A:out -> B:in"
REQUEST = {"scenario": "s.yaml", "overrides": {"seed": 3, "duration": "9 ms"}}
PLAN = {"clock": {"tick_ns": 100_000, "window": 10, "duration": 100}, "ranks": 2}
FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def refusal(ask):
    """Return what is said against something, None if nothing."""
    try:
        ask()
    except CosimError as error:
        return str(error)
    return None


def clock(**changes):
    return json.dumps({"clock": {**PLAN["clock"], **changes}})


def asked(**changes):
    return json.dumps({**REQUEST, **changes})


ANY = ("", "[]", "3", "null", "nul", '"x"', "{}", "[" * 100_000, '{"clock": 3}', "{" * 50,
       '{"scenario": ' + "9" * 5000 + "}", "\x80", "\x00", '{"clock": {}}', "{'a': 1}")
BAD = [
    *(("request.json", text) for text in ANY), *(("plan.json", text) for text in ANY),
    *(("request.json", text) for text in (
        asked(scenario=3), asked(scenario=None), asked(scenario=["s.yaml"]), asked(overrides=[1]),
        asked(overrides=None), asked(overrides={"models": {}}), asked(overrides={"seed": "x"}),
        asked(overrides={"seed": True}), asked(overrides={"transformers": {"placement": 3}}),
        asked(overrides={"transformers": {"placement": "own_ranks", "ranks": 3}}),
        asked(overrides={"window": 3}), asked(overrides={"brain": {"connectome": "/dev/zero"}}),
    )),
    *(("plan.json", clock(**{key: value})) for key in ("tick_ns", "window", "duration")
      for value in ("x", 0, -1, 1.5, True, None, 10**30, [1])),
]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    return tmp_path


def test_a_good_folder_says_what_its_run_was(run):
    found = recorded(run)
    assert (found.scenario, found.window_ms, found.duration_ms) == (Path("s.yaml"), 1.0, 10.0)
    assert found.overrides == {"seed": 3, "window": "1.0 ms", "duration": "10.0 ms"}


def test_the_ways_to_spoil_a_folder_are_many_and_distinct():
    assert len(set(BAD)) == len(BAD) >= 60


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
def test_a_folder_with_a_spoilt_file_is_refused(run, case):
    file, text = case
    (run / file).write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        recorded(run)
    assert str(caught.value).startswith(f"{run} holds no run that can be resumed: {file}: ")
    assert len(str(caught.value)) < 1000


@FUZZ
@given(st.sampled_from(["request.json", "plan.json"]), st.integers(0, 200), st.integers(0, 9),
       st.binary(max_size=6))
def test_a_file_with_changed_bytes_is_refused_or_read(tmp_path_factory, file, place, cut, junk):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    whole = {"request.json": REQUEST, "plan.json": PLAN}
    for name, data in whole.items():
        content = json.dumps(data).encode()
        if name == file:
            content = content[:place] + junk + content[place + cut :]
        (folder / name).write_bytes(content)
    said = refusal(lambda: recorded(folder))
    assert said is None or file in said


@pytest.mark.parametrize(
    "name", ["request.json", "plan.json", "resolved.json", "scenario.yaml", "lock"]
)
@pytest.mark.parametrize("make", [
    lambda p: p.symlink_to(p.parent.parent / "precious"), os.mkfifo, lambda p: p.mkdir(),
    lambda p: p.symlink_to("/dev/zero"), lambda p: p.symlink_to(p.name),
], ids=["link", "pipe", "folder", "device", "loop"])
def test_what_would_be_overwritten_is_a_file_of_the_run(tmp_path, name, make):
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "precious").write_text(json.dumps(PLAN))
    for kept, data in (("request.json", REQUEST), ("plan.json", PLAN)):
        (run / kept).write_text(json.dumps(data))
    (run / name).unlink(missing_ok=True)
    make(run / name)
    with pytest.raises(UsageError, match=f"{name} is no ordinary file"):
        recorded(run)
    assert json.loads((tmp_path / "precious").read_text()) == PLAN


@pytest.mark.parametrize("name", ["earlier-x", "earlier-", "earlier-1-", "earlier-99999999999"])
def test_folders_of_earlier_attempts_have_numbers(run, name):
    (run / name).mkdir()
    with pytest.raises(UsageError, match="is no folder of an earlier attempt"):
        recorded(run)


@pytest.mark.parametrize("command", [
    ("check",), ("plan",), ("run", "--serial"), ("run", "--dry-run"), ("resume", "--serial"),
    ("replay", "--only", "cortex"), ("verify",), ("launch", "--dry-run"),
])
@pytest.mark.parametrize("place", [
    "pipe", "/dev/zero", "/dev/urandom", "folder", "empty", "binary", "nowhere", "n" * 300,
], ids=lambda place: place[:12])
def test_the_command_line_answers_whatever_a_path_leads_to(
    tmp_path, monkeypatch, capfd, command, place
):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("empty").touch()
    Path("binary").write_bytes(bytes(range(256)))
    monkeypatch.setattr(sys, "argv", ["cosim", *command, place])
    with pytest.raises(SystemExit) as left:
        main()
    err = capfd.readouterr().err
    assert left.value.code == 2
    assert place in err
    assert "Traceback" not in err


def spikes(index):
    ticks = np.array([1, 4], np.int64) + 10 * index
    return SpikeBatch(10 * index, 10 * index + 10, ticks, np.zeros(2, np.int32))


def signal(index):
    return Signal(10 * index, 5, np.full((2, 1), float(index)))


@pytest.fixture(params=[signal, spikes])
def tape(request, tmp_path):
    written = Tape(tmp_path, CHANNEL)
    for index in range(3):
        written.append(index, request.param(index))
    written.close()
    return tape_path(tmp_path, CHANNEL)


def forged(path, **fields):
    """Change the head of the first message and give it a checksum that fits."""
    from cosim.tapes.reel import _checksum

    content = bytearray(path.read_bytes())
    begin = content.index(b"\n", content.index(b"\n") + 1) + 1
    head = np.frombuffer(bytes(content[begin : begin + HEADER_BYTES]), np.uint8).copy()
    size = wire.payload_bytes(head)
    payload = np.frombuffer(bytes(content[begin + HEADER_BYTES :][:size]), np.uint8)
    for name, value in fields.items():
        head.view(wire.HEADER)[name] = value
    head.view(wire.HEADER)["spare"] = _checksum(head, payload)
    content[begin : begin + HEADER_BYTES] = head.tobytes()
    path.write_bytes(content)


@pytest.mark.parametrize("fields", [
    {"count": 2**40}, {"count": 2**62}, {"count": -1}, {"count": -(2**40)}, {"count": 2**63 - 1},
    {"kind": 0}, {"kind": 9}, {"version": 0}, {"version": 99},
    {"kind": 1, "count": 10**18, "columns": 0}, {"kind": 1, "columns": 2**32 - 1},
    {"kind": 1, "columns": 2**32 - 1, "count": 2**31},
], ids=str)
def test_a_head_that_announces_what_is_not_there_ends_the_tape(tape, fields):
    forged(tape, **fields)
    reel = Reel(tape.parent, CHANNEL)
    assert reel.count == 0
    with pytest.raises(TapeDamaged, match="ends after 0 blocks"):
        reel.next()
    reel.close()


READ = f"""
import resource, sys
from pathlib import Path
from cosim.tapes.reel import Reel
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
print(Reel(Path(sys.argv[1]), {CHANNEL!r}).count)
"""


def test_a_large_file_with_holes_takes_no_memory(tape):
    forged(tape, kind=1, count=2**37, columns=1)
    os.truncate(tape, 2**41)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tape.parent), str(2**30)], capture_output=True, text=True,
        timeout=60, check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout == "0\n"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 2**30


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda p: p.mkdir(), lambda p: p.symlink_to("/dev/zero")],
    ids=["pipe", "folder", "device"],
)
def test_what_is_no_file_is_no_tape(tape, make):
    tape.unlink()
    make(tape)
    with pytest.raises(TapeDamaged, match="cannot be read: Is a"):
        Reel(tape.parent, CHANNEL)
    assert Deck(None, [tape.parent]).earlier(CHANNEL) is None


@FUZZ
@given(st.data())
def test_a_tape_with_changed_bytes_is_refused_or_read_to_the_change(tape, data):
    whole = tape.read_bytes()
    content = bytearray(whole)
    place = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=9))
    content[place : place + data.draw(st.integers(0, 20))] = junk
    tape.write_bytes(content)

    def read():
        with closing(Reel(tape.parent, CHANNEL)) as reel:
            assert reel.count <= 3
            for _ in range(reel.count):
                reel.next()

    said = refusal(read)
    tape.write_bytes(whole)
    assert said is None or "is no tape of" in said
