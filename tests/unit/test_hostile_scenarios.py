"""Scenarios and connectomes of anybody are refused with a message; nothing they say is run."""

import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from bad.cases import GOOD, OVERLAY
from hostile import results, scenarios, zips
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cosim.errors import ScenarioInvalid
from cosim.scenario.load import load
from cosim.scenario.overlay import BadConnectome
from cosim.scenario.zip_file import read_zip

FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
LINE = re.compile(r"[^\n]*\.yaml(:\d+)?: .+")
#: More than NumPy and TVB's tables take, and far less than any of the bombs unpacks to.
MEMORY_BYTES = 600 * 2**20


def mutations(whole):
    """Return a strategy of some bytes with a part cut, changed, repeated or put elsewhere."""
    place = st.integers(0, len(whole))

    def mutated(a, b, at, junk):
        a, b = min(a, b), max(a, b)
        return st.sampled_from([
            whole[:a], whole[a:], whole[:a] + whole[b:], whole[:a] + junk + whole[b:],
            whole[:a] + junk + whole[a + len(junk) :], whole[:at] + whole[a:b] + whole[at:],
        ])

    return st.tuples(place, place, place, st.binary(max_size=12)).flatmap(lambda t: mutated(*t))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(OVERLAY, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(content, name="s.yaml"):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ScenarioInvalid) as caught:
        load(Path(name))
    assert all(LINE.fullmatch(line) for line in caught.value.lines), caught.value.lines
    assert max(map(len, caught.value.lines)) < 3000
    return "\n".join(caught.value.lines)


def test_the_corpus_is_large_and_every_input_in_it_another():
    names = [
        *(f"scenario {c[0]}" for c in scenarios.CASES), *(f"zip {c[0]}" for c in zips.CASES),
        *(f"bomb {name}" for name in zips.BOMBS), *(f"result {c[0]}" for c in results.MAIN),
        *(f"rank {c[0]}" for c in results.RANKS),
    ]
    assert len(set(names)) == len(names) >= 200
    assert len({c[1] for c in zips.CASES}) == len(zips.CASES)
    assert len({c[1:] for c in scenarios.CASES}) == len(scenarios.CASES)


@pytest.mark.parametrize("case", scenarios.CASES, ids=lambda case: case[0])
def test_a_scenario_is_refused_and_runs_nothing(folder, case):
    _, old, new = case
    text = GOOD.read_text(encoding="utf-8")
    assert text.count(old) == 1
    refusal(text.replace(old, new))
    assert {p.name for p in folder.iterdir()} == {"overlay.yaml", "s.yaml"}


def test_the_tags_would_run_code_elsewhere(folder):
    """The canary is no dead bird: a loader that obeys such tags does make the file."""
    import yaml

    yaml.unsafe_load(scenarios.TAGS[0])
    assert Path(scenarios.CANARY).exists()


@FUZZ
@given(mutations(GOOD.read_bytes()))
@example(b"")
def test_a_scenario_with_changed_bytes_is_refused_or_read(content):
    folder = FOLDER[0]
    (folder / "s.yaml").write_bytes(content)
    lines = ()
    try:
        load(folder / "s.yaml")
    except ScenarioInvalid as error:
        lines = error.lines
    assert all(LINE.fullmatch(line) for line in lines), lines


#: Of the fuzzed files, which hypothesis would otherwise make anew for each example.
FOLDER = []


@pytest.fixture(scope="module", autouse=True)
def fuzz_folder(tmp_path_factory):
    FOLDER.append(tmp_path_factory.mktemp("fuzz"))
    shutil.copy(OVERLAY, FOLDER[0])
    yield
    FOLDER.clear()


@pytest.mark.parametrize("key", ["base", "brain.overlay"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p.mkdir(), "there is no file"),
        (os.mkfifo, "there is no file"),
        (lambda p: p.symlink_to("/dev/zero"), "there is no file"),
        (lambda p: p.symlink_to(p.name), "there is no file"),
        (lambda p: p.write_bytes(b"\xff\xfe"), "is not UTF-8 text"),
        (lambda p: p.write_text("a: 1\n" * 60_000), "is too large"),
        (lambda p: p.write_text("&a [*a]"), ""),
        (lambda p: p.write_text("[" * 9999), ""),
        (lambda p: p.write_text("add: !!python/object/apply:os.system ['touch canary']"), ""),
    ],
    ids=["folder", "pipe", "device", "loop", "binary", "large", "alias", "deep", "tag"],
)
def test_what_a_scenario_names_is_an_ordinary_file_or_refused(folder, key, make, says):
    make(folder / "other.yaml")
    text = GOOD.read_text(encoding="utf-8")
    if key == "base":
        text = f"base: other.yaml\n{text}"
    else:
        text = text.replace("overlay: overlay.yaml", "overlay: other.yaml")
    assert says in refusal(text)
    assert not (folder / scenarios.CANARY).exists()


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000 + "x"], ids=["long", "longer"])
@pytest.mark.parametrize("key", ["connectome", "overlay"])
def test_names_that_no_file_can_have_are_refused(folder, key, name):
    text = GOOD.read_text(encoding="utf-8")
    old = {"connectome": "tvb-data:connectivity_76.zip", "overlay": "overlay.yaml"}[key]
    refusal(text.replace(f"{key}: {old}", f"{key}: {name}"))


def test_a_chain_of_bases_ends(folder):
    for i in range(30):
        (folder / f"s{i}.yaml").write_text(f"base: s{i + 1}.yaml\nseed: {i}\n")
    assert "more than 10 scenarios" in refusal("base: s0.yaml\n")


def test_more_regions_than_matrices_can_hold_are_refused(folder):
    Path("overlay.yaml").write_text(
        "add:\n" + "".join(f"- {{label: L{i}, centre: [0 mm, 0 mm, 0 mm]}}\n" for i in range(4100))
    )
    assert "at most 4096" in refusal(GOOD.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", zips.CASES, ids=lambda case: case[0])
def test_a_zip_is_refused_with_what_is_wrong(tmp_path, case):
    name, content, says = case
    (tmp_path / "brain.zip").write_bytes(content)
    with pytest.raises(BadConnectome) as caught:
        read_zip(tmp_path / "brain.zip")
    assert says in str(caught.value), name
    assert [p.name for p in tmp_path.iterdir()] == ["brain.zip"]


def test_harmless_differences_of_text_are_read(tmp_path):
    (tmp_path / "brain.zip").write_bytes(zips.with_members(
        weights__txt=zips.GOOD["weights.txt"].replace("\n", "\r\n"),
        tract_lengths__txt=zips.GOOD["tract_lengths.txt"] + "\n\n# by hand\n",
        centres__txt="\ufeff" + zips.GOOD["centres.txt"],
    ))
    labels, weights, lengths, _ = read_zip(tmp_path / "brain.zip")
    assert labels == ("A", "B", "C")
    assert weights.tolist() == [[0, 1, 2], [3, 0, 4], [0, 5, 0]]
    assert lengths[0].tolist() == [0, 10, 20]


@FUZZ
@given(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]).flatmap(
    lambda method: mutations(zips.packed(zips.GOOD.items(), method))
))
def test_a_zip_with_changed_bytes_is_refused_or_read(content):
    (FOLDER[0] / "brain.zip").write_bytes(content)
    try:
        labels, weights, _, _ = read_zip(FOLDER[0] / "brain.zip")
    except BadConnectome:
        return
    assert weights.shape == (len(labels), len(labels))


READ = """
import resource, sys
from pathlib import Path
from cosim.scenario.overlay import BadConnectome
from cosim.scenario.zip_file import read_zip
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in map(Path, sys.argv[2:]):
    try:
        read_zip(path)
    except BadConnectome as error:
        print(error)
"""


def test_bombs_are_refused_in_little_memory(tmp_path):
    paths = [tmp_path / f"{name.replace(' ', '-')}.zip" for name in zips.BOMBS]
    for path, make in zip(paths, zips.BOMBS.values(), strict=True):
        path.write_bytes(make())
        assert path.stat().st_size < 8 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", READ, str(MEMORY_BYTES), *map(str, paths)],
        capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(paths)
    for line in lines:
        assert re.search("is too large|columns in line|more than 3 rows|stand twice", line) or (
            "more than 4096 regions" in line
        ), line
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != MEMORY_BYTES


LARGE, SMALL = "1e308 1e308\n1e308 0", "5e-324 0\n0 0"


@pytest.mark.parametrize(
    ("weights", "how", "fits"),
    [
        (LARGE, "scaled_by_largest_row_sum", False), (LARGE, "scaled_by_maximum", True),
        (LARGE, "1e300", False), (SMALL, "scaled_by_largest_row_sum", True),
        (SMALL, "scaled_by_maximum", True), (SMALL, "1e300", True),
    ],
)
def test_scaled_weights_are_finite_or_refused(folder, weights, how, fits):
    (folder / "brain.zip").write_bytes(zips.with_members(
        weights__txt=weights, tract_lengths__txt="0 1\n1 0", centres__txt="A 0 0 0\nB 1 0 0"
    ))
    Path("s.yaml").write_text(f"""\
name: small
seed: 1
duration: 10 ms
brain: {{connectome: brain.zip, conduction_speed: 4 m/s, weights: {how}}}
regions: [{{match: rest, as: field}}]
models:
  field: {{engine: tvb, model: Linear, integrator: {{EulerDeterministic: {{dt: 0.1 ms}}}}}}
""")
    if fits:
        assert 0 < abs(load(Path("s.yaml")).brain.weights).max() < float("inf")
    else:
        with pytest.raises(ScenarioInvalid, match="scaled weights are not finite"):
            load(Path("s.yaml"))
