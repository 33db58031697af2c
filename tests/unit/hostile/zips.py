"""Zip files that are no connectome: how each is made, and what must be said of it."""

import bz2
import io
import stat
import struct
import warnings
import zipfile

GOOD = {
    "weights.txt": "0 1 2\n3 0 4\n0 5 0",
    "tract_lengths.txt": "0 10 20\n10 0 30\n20 30 0",
    "centres.txt": "A 0 0 0\nB 1 0 0\nC 0 1 0",
}


def packed(members, method=zipfile.ZIP_DEFLATED):
    """Return a zip file of names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def with_members(**changes):
    members = {**GOOD, **{k.replace("__", "."): v for k, v in changes.items()}}
    return packed([(k, v) for k, v in members.items() if v is not None])


def extra(name, content="x"):
    return packed([*GOOD.items(), (name, content)])


def special(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    others = [(k, v) for k, v in GOOD.items() if k != name]
    return packed([*others, (info, "/etc/passwd")])


def encrypted():
    """Set the bit that says so in both heads of each member."""
    data = bytearray(with_members())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 1)
    return bytes(data)


def method(number):
    data = bytearray(with_members())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.find(signature)
        while at >= 0:
            struct.pack_into("<H", data, at + offset, number)
            at = data.find(signature, at + 1)
    return bytes(data)


def announcing(size):
    """Announce a size of unpacked members that is not true."""
    data = bytearray(with_members())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<I", data, at + 24, size)
        at = data.find(b"PK\x01\x02", at + 1)
    return bytes(data)


#: What each of them unpacks to; they are made when they are asked for.
UNPACKED_BYTES = 2**29
BOMBS = {
    "zeros": lambda: bomb("weights.txt", b"0 " * 2**15),
    "one line": lambda: bomb("weights.txt", b"0" * 2**16),
    "blank lines": lambda: bomb("tract_lengths.txt", b"\n" * 2**16),
    "comments": lambda: bomb("weights.txt", b"# nothing\n" * 2**13),
    "labels": lambda: bomb("centres.txt", b"A 0 0 0\n" * 2**13),
    "twice packed": lambda: bomb("weights.txt.bz2", None),
}


def bomb(name, block):
    if block is None:
        # Pieces of bz2 that follow each other are one stream.
        content = bz2.compress(b"0 1 2\n" * 2**18) * (UNPACKED_BYTES // (6 * 2**18))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for other, text in GOOD.items():
            if other != name.removesuffix(".bz2"):
                archive.writestr(other, text)
        with archive.open(name, "w") as member:
            if block is None:
                member.write(content)
            else:
                for _ in range(UNPACKED_BYTES // len(block)):
                    member.write(block)
    return file.getvalue()


CASES = [
    *((f"name {n!r}", extra(n), "leads out of its folder") for n in (
        "../weights.txt", "/etc/passwd", "a/../../b", "..\\x", "C:/x/../y", "..", "/",
        "a/b/../../../../tmp/x",
    )),
    *((f"twice {n}", extra(n), "stands twice") for n in (
        "weights.txt", "a/weights.txt", "tract_lengths.txt", "b/centres.txt", "weights.txt.bz2",
    )),
    *((f"link {n}", special(n, stat.S_IFLNK | 0o777), "is a link") for n in GOOD),
    ("encrypted", encrypted(), "encrypted"),
    *((f"method {m}", method(m), "packed by a rare method") for m in (1, 6, 9, 14, 93, 99)),
    *((f"announces {n}", announcing(n), "") for n in (0, 1)),
    ("no zip", b"0 1 2\n", "is no readable zip file"),
    ("empty", b"", "is no readable zip file"),
    ("pickle", b"\x80\x04\x95" + b"\0" * 50, "is no readable zip file"),
    ("rar", b"Rar!\x1a\x07\x00" * 9, "is no readable zip file"),
    ("no members", packed([]), "is missing from the zip file"),
    ("many members", packed([(f"{i:05d}" * 10, "") for i in range(15_000)], 0),
     "table of contents"),
    *((f"weights {w!r}", with_members(weights__txt=w), says) for w, says in (
        ("0 1 2\n3 0 4\n0 5 0\n1 1 1", "more than 3 rows"),
        ("0 1 2 3\n3 0 4 3\n0 5 0 3", "4 columns in line 1"),
        ("0 1 2\n3 0 4", "shape (2, 3)"),
        ("0,1,2\n3,0,4\n0,5,0", "is no table of numbers"),
        ("0;1;2\n3;0;4\n0;5;0", "is no table of numbers"),
        ("0 1 2\r3 0 4\r0 5 0", "9 columns in line 1"),
        ("0 1 2\n3 0, 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 0x4 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 1_0 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 \u0661 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 1+2j 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 __import__('os').getpid() 4\n0 5 0", "is no table of numbers"),
        ("0 1 2\n3 0 1e999\n0 5 0", "is not finite"),
        ("0 1 2\n3 0 -inf\n0 5 0", "is not finite"),
        ("0 1 2\n3 0 NaN\n0 5 0", "is not finite"),
        ("# nothing\n", "is empty"),
        ("\n\n\n", "is empty"),
        ("\x00" * 99, "is no table of numbers"),
        ("0 1 2\n" * 20_000, "more than 3 rows"),
        ("# x\n" * 20_000, "is too large"),
        ("0" * 200_000, "is too large"),
    )),
    *((f"weights bytes {w[:8]!r}", with_members(weights__txt=w), says) for w, says in (
        (b"0 1 2\n3 \xff 4\n0 5 0", "is not UTF-8 text in line 2"),
        ("0 1 2\n3 0 4\n0 5 0".encode("utf-16"), "is not UTF-8 text"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}", "is not UTF-8 text"),
    )),
    *((f"lengths {t!r}", with_members(tract_lengths__txt=t), says) for t, says in (
        ("0 1 2\n3 0 1e9\n0 5 0", "is 1e+09 mm long"),
        ("0 1 2\n3 0 -1e-9\n0 5 0", "has negative length"),
        ("0 1\n1 0", "shape (2, 2)"),
        ("", "is empty"),
    )),
    *((f"centres {c!r}"[:60], with_members(centres__txt=c), says) for c, says in (
        ("A 0 0 0\nB 1 0 0", "3 columns in line 1"),
        ("A 0 0 0\nB 1 0 0\nB 0 1 0", "stand twice: B"),
        ("A 0 0 0\nB 1 0 0\n0 1 0", "has 3 words in row 3"),
        ("A 0 0 0\nB 1 0 0\n\x1b[31mC 0 1 0", "no fit label in row 3"),
        ("A 0 0 0\nB 1 0 0\nC\x00 0 1 0", "no fit label in row 3"),
        ("A 0 0 0\nB 1 0 0\nC\u202e 0 1 0", "no fit label in row 3"),
        ("A 0 0 0\nB 1 0 0\n" + "C" * 300 + " 0 1 0", "no fit label in row 3"),
        ("A,0,0,0\nB,1,0,0\nC,0,1,0", "has 1 words in row 1"),
        ("A 0 0 0\nB 1 0 0\nC 0 1 inf", "centre of C is not finite"),
        ("A 0 0 0\nB 1 0 0\nC 0 1 1;2", "is no table of coordinates"),
        ("\n".join(f"R{i} 0 0 0" for i in range(4097)), "more than 4096 regions"),
    )),
    ("damaged bz2", packed([
        (k if k != "weights.txt" else f"{k}.bz2", v) for k, v in GOOD.items()
    ]), "is no readable zip file"),
    ("torn bz2", packed([
        (f"{k}.bz2", bz2.compress(v.encode())[:-4]) for k, v in GOOD.items()
    ]), "is no readable zip file"),
    *((f"cut {n}", with_members()[:n], "is no readable zip file")
      for n in range(1, len(with_members()), 29)),
]
