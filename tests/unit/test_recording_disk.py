"""What a disk refuses is told by file and cause, and what was there stays."""

import errno

import numpy as np
import pytest

from cosim.messages import Signal
from cosim.recording.disk import Unwritable, in_words, write_whole, writing
from cosim.tapes.reel import Reel, Tape, tape_path

BLOCK = Signal(0, 1, np.ones((50, 2)))


def test_what_hdf5_passes_on_is_told_as_plainly():
    text = "Unable to flush (file write failed: errno = 28, error message = 'No space left on ...'"
    assert in_words(RuntimeError(text)) == "the disk is full"
    assert in_words(OSError(errno.EROFS, "x")) == "the file system is read-only"
    assert in_words(OSError(errno.EMFILE, "x")) == "Too many open files"
    assert in_words(RuntimeError("no  number\nat all")) == "no number at all"


def test_a_full_disk_is_told_with_the_name_of_the_tape(tmp_path):
    path = tape_path(tmp_path, "a")
    path.symlink_to("/dev/full")
    tape = Tape(tmp_path, "a")
    tape.append(0, BLOCK)
    for action in (tape.flush, tape.close):
        with pytest.raises(Unwritable) as caught:
            action()
        assert str(caught.value) == f"{path} cannot be written: the disk is full"
    tape.close()


def test_a_tape_is_whole_up_to_where_the_disk_was_full(tmp_path):
    tape = Tape(tmp_path, "a")
    tape.append(0, BLOCK)
    tape.append(1, BLOCK)
    tape.close()
    path = tape_path(tmp_path, "a")
    path.write_bytes(path.read_bytes()[:-7])
    reel = Reel(tmp_path, "a")
    assert reel.count == 1
    reel.close()


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    # Nothing can take the place of a folder with something in it.
    (tmp_path / "taken" / "inner").mkdir(parents=True)
    with pytest.raises(Unwritable):
        write_whole(tmp_path / "taken", b"three")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken"]
    with pytest.raises(Unwritable, match="its folder is gone"):
        write_whole(tmp_path / "nowhere" / "file", b"four")


def test_other_errors_are_left_as_they_are():
    with pytest.raises(ValueError, match="shape"), writing("x"):
        raise ValueError("shape")
