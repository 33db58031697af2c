"""Connectomes and their edits: what is read, and what is refused."""

import bz2
import zipfile

import numpy as np
import pytest

from cosim.errors import ScenarioInvalid
from cosim.scenario.load import draft_case

SCENARIO = """\
name: a small brain
seed: 1
duration: 10 ms
brain:
  connectome: brain.zip
  conduction_speed: 4 m/s
{brain}regions: [{{match: rest, as: field}}]
models:
  field: {{engine: tvb, model: Linear, integrator: {{EulerDeterministic: {{dt: 0.1 ms}}}}}}
"""
MEMBERS = {
    "weights.txt": "0 1 2\n3 0 4\n0 5 0",
    "tract_lengths.txt": "0 10 20\n10 0 30\n20 30 0",
    "centres.txt": "A 0 0 0\nB 1 0 0\nC 0 1 0",
}


@pytest.fixture
def brain(tmp_path):
    """Read the brain of a scenario with those zip members, extra lines and overlay file."""

    def read(members=None, lines="", overlay=None):
        with zipfile.ZipFile(tmp_path / "brain.zip", "w") as archive:
            for name, content in {**MEMBERS, **(members or {})}.items():
                if content is not None:
                    archive.writestr(name, content)
        if overlay is not None:
            (tmp_path / "edits.yaml").write_text(overlay)
        path = tmp_path / "s.yaml"
        path.write_text(SCENARIO.format(brain=lines))
        draft = draft_case(path)
        assert draft.problems == ()
        return draft.case.brain

    return read


def refusal(brain, *args, **kwargs):
    """Return the lines that refuse a brain, with the names of files only."""
    with pytest.raises(ScenarioInvalid) as caught:
        brain(*args, **kwargs)
    places = [line.partition(": ") for line in caught.value.lines]
    return [f"{place.rpartition('/')[2]}: {said}" for place, _, said in places]


def test_a_zip_is_read_as_it_stands(brain):
    read = brain()
    assert read.labels == ("A", "B", "C")
    assert read.weights.tolist() == [[0, 1, 2], [3, 0, 4], [0, 5, 0]]
    assert read.tract_lengths_mm.tolist() == [[0, 10, 20], [10, 0, 30], [20, 30, 0]]
    assert read.centres_mm.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert read.delays_ms()[0, 2] == 5.0


def test_compressed_members_in_a_folder_are_read(brain):
    packed = {f"connectome/{k}.bz2": bz2.compress(v.encode()) for k, v in MEMBERS.items()}
    read = brain({**dict.fromkeys(MEMBERS), **packed})
    assert read.labels == ("A", "B", "C")


@pytest.mark.parametrize(
    ("how", "factor"),
    [("as_given", 1.0), ("scaled_by_maximum", 5.0), ("scaled_by_largest_row_sum", 7.0), ("2", 0.5)],
)
def test_weights_are_scaled(brain, how, factor):
    scaled = brain(lines=f"  weights: {how}\n").weights
    np.testing.assert_array_equal(scaled, brain().weights / factor)


def test_a_weight_may_be_negative_and_is_scaled_regardless_of_sign(brain):
    members = {"weights.txt": "0 1 -4\n3 0 0\n0 2 0"}
    weights = brain(members, "  weights: scaled_by_maximum\n").weights
    assert weights.tolist() == [[0, 0.25, -1], [0.75, 0, 0], [0, 0.5, 0]]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"weights.txt": None}, "'weights.txt' is missing from the zip file"),
        ({"tract_lengths.txt": None}, "'tract_lengths.txt' is missing"),
        ({"centres.txt": None}, "'centers.txt' is missing"),
        ({"weights.txt": "0 1\n1 0"}, "weights has shape (2, 2) but there are 3 regions"),
        ({"weights.txt": "0 1 2\n3 0\n0 5 0"}, "'weights.txt' is no table of numbers"),
        ({"weights.txt": "0 1 x\n3 0 4\n0 5 0"}, "'weights.txt' is no table of numbers"),
        ({"weights.txt": "0 1 nan\n3 0 4\n0 5 0"}, "weights of C -> A is not finite"),
        ({"tract_lengths.txt": "0 1 2\n3 0 inf\n0 5 0"}, "tract_lengths of C -> B is not finite"),
        ({"tract_lengths.txt": "0 1 -2\n3 0 1\n0 5 0"}, "the tract C -> A has negative length"),
        ({"centres.txt": "A 0 0 0\nB 1 0 0\nA 0 1 0"}, "region labels stand twice: A"),
        ({"centres.txt": "A 0 0 0\nB 1 0\nC 0 1 0"}, "'centres.txt' has 3 words in row 2"),
        ({"centres.txt": "A 0 0 0\nB 1 0 x\nC 0 1 0"}, "'centres.txt' is no table of coordinates"),
        ({"centres.txt": "A 0 0 0\nB 1 0 nan\nC 0 1 0"}, "the centre of B is not finite"),
        ({"centres.txt": ""}, "it has no regions"),
        ({"weights.txt": "\n"}, "'weights.txt' is empty"),
    ],
)
def test_a_connectome_with_a_flaw_is_refused_at_its_line(brain, members, says):
    (line,) = refusal(brain, members)
    assert line.startswith("s.yaml:5: 'brain.connectome' is 'brain.zip': ")
    assert says in line


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_truncated_zip_is_refused(brain, tmp_path, keep):
    brain()
    whole = (tmp_path / "brain.zip").read_bytes()
    (tmp_path / "brain.zip").write_bytes(whole[:keep])
    with pytest.raises(ScenarioInvalid, match="is no readable zip file"):
        draft_case(tmp_path / "s.yaml")


def test_a_damaged_member_is_refused(brain, tmp_path):
    brain()
    content = bytearray((tmp_path / "brain.zip").read_bytes())
    content[content.index(b"0 1 2")] = ord("9")
    (tmp_path / "brain.zip").write_bytes(content)
    with pytest.raises(ScenarioInvalid, match="is no readable zip file"):
        draft_case(tmp_path / "s.yaml")


def test_a_damaged_compressed_member_is_refused(brain):
    damaged = {"weights.txt": None, "weights.txt.bz2": b"BZh9 this is not bz2"}
    (line,) = refusal(brain, damaged)
    assert "is no readable zip file" in line


def test_delays_that_only_a_wrong_unit_explains_are_refused(brain):
    tract = "  overlay: {tracts: [{from: A, to: B, weight: 1, length: 1000 m}]}\n"
    (line,) = refusal(brain, lines=tract)
    assert line.startswith("s.yaml:6: brain.conduction_speed: the delay from A to B is 2.5e+05 ms")


OVERLAY = """\
remove: [A]
add:
  - {label: D, centre: [0 mm, 0 mm, 1 cm]}
tracts:
  - from: D
    to: B
    weight: 6
    length: 2 cm
  - {from: C, to: D, weight: 7, length: 50 mm, both_ways: true}
"""


def test_edits_in_their_own_file(brain):
    read = brain(lines="  overlay: edits.yaml\n", overlay=OVERLAY)
    assert read.labels == ("B", "C", "D")
    assert read.weights.tolist() == [[0, 4, 6], [5, 0, 7], [0, 7, 0]]
    assert read.tract_lengths_mm.tolist() == [[0, 30, 20], [30, 0, 50], [0, 50, 0]]
    assert read.centres_mm[2].tolist() == [0, 0, 10]


def test_of_several_overlays_each_edits_what_those_before_it_made(brain):
    add = "{label: E, centre: [0 mm, 0 mm, 0 mm]}"
    tract = "{from: D, to: E, weight: 8, length: 4 mm}"
    here = f"{{add: [{add}], tracts: [{tract}]}}"
    read = brain(lines=f"  overlay: [edits.yaml, {here}]\n", overlay=OVERLAY)
    assert read.labels == ("B", "C", "D", "E")
    assert read.weights[3].tolist() == [0, 0, 8, 0]
    assert read.weights[:3, :3].tolist() == [[0, 4, 6], [5, 0, 7], [0, 7, 0]]


@pytest.mark.parametrize(
    ("overlays", "says"),
    [
        ("[edits.yaml, {remove: [A]}]",
         "s.yaml:7: brain.overlay[1].remove[0]: there is no region 'A' to remove"),
        ("[{remove: [B]}, edits.yaml]", "edits.yaml:6: tracts[0].to: there is no region 'B'"),
        ("[edits.yaml, edit.yaml]", "s.yaml:7: 'brain.overlay[1]' is 'edit.yaml': there is no"),
        ("[edits.yaml, {tracks: []}]", "s.yaml:7: unknown key 'tracks' in 'brain.overlay[1]'"),
        ("[edits.yaml, 3]", "s.yaml:7: 'brain.overlay[1]' is 3"),
    ],
)
def test_a_wrong_edit_in_a_list_is_told_with_its_own_place(brain, overlays, says):
    (line,) = refusal(brain, lines=f"  overlay: {overlays}\n", overlay=OVERLAY)
    assert line.startswith(says)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("remove: [A]", "remove: [AA]", "edits.yaml:1: remove[0]: there is no region 'AA' to"),
        ("label: D", "lable: D", "edits.yaml:3: unknown key 'lable' in 'add[0]'; did you mean"),
        ("label: D", "label: B", "edits.yaml:3: add[0].label: region 'B' exists already"),
        ("1 cm]", "1]", "edits.yaml:3: 'add[0].centre[2]' is 1: the unit is missing"),
        ("from: D", "from: A", "edits.yaml:5: tracts[0].from: there is no region 'A'"),
        ("to: B", "to: E", "edits.yaml:6: tracts[0].to: there is no region 'E'"),
        ("weight: 6", "weight: -6", "edits.yaml:7: 'tracts[0].weight' is -6; expected a number of"),
        ("weight: 6", "weight: heavy", "edits.yaml:7: 'tracts[0].weight' is 'heavy'"),
        ("weight: 6", "weight: .nan", "edits.yaml:7: 'tracts[0].weight' is nan"),
        ("2 cm", "-2 cm", "edits.yaml:8: 'tracts[0].length' is '-2 cm'; expected no negative"),
        ("2 cm", "2 ms", "edits.yaml:8: 'tracts[0].length' is '2 ms': unit 'ms' does not fit"),
        ("both_ways: true", "both_ways: yes", "edits.yaml:9: 'tracts[1].both_ways' is 'yes'"),
        ("tracts:", "tracks:", "edits.yaml:4: unknown key 'tracks'; did you mean 'tracts'?"),
        ("    weight: 6\n", "", "edits.yaml:5: 'weight' is missing in 'tracts[0]'"),
        ("    weight: 6", "    to: C", "edits.yaml:7: 'tracts[0].to' stands twice"),
        ("add:", "add: [", "edits.yaml:3: this is not YAML"),
    ],
)
def test_a_wrong_edit_is_told_with_the_line_of_its_own_file(brain, old, new, says):
    assert OVERLAY.count(old) == 1 or new == ""
    lines = refusal(brain, lines="  overlay: edits.yaml\n", overlay=OVERLAY.replace(old, new))
    assert says in "\n".join(lines)
    assert all(line.startswith("edits.yaml:") for line in lines)


def test_no_region_may_be_left(brain):
    (line,) = refusal(brain, lines="  overlay: {remove: [A, B, C]}\n")
    assert line == "s.yaml:7: brain.overlay.remove: no region is left; expected at least one"


def test_mistakes_of_both_files_are_told(brain):
    lines = refusal(
        brain, lines="  overlay: edits.yaml\n  weights: none\n",
        overlay=OVERLAY.replace("label: D", "lable: D"),
    )
    first, second = lines
    assert first.startswith("s.yaml:8: 'brain.weights' is 'none'")
    assert second.startswith("edits.yaml:3: unknown key 'lable'")
