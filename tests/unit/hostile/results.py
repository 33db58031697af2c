"""Results of anybody: what is done to a good one, and what must be said of it."""

import h5py
import numpy as np

SIGNAL = "/signals/cortex/TemporalAverage"
SPIKES = "/spikes/rPFC/exc"
TIMING = "/timing/cortex"


def replaced(path, **how):
    """Put another dataset in the place of one."""

    def change(file):
        del file[path]
        file.create_dataset(path, **how)

    return change


def attribute(path, key, value):
    def change(file):
        file[path].attrs[key] = value

    return change


def opaque(path, key, tag):
    """Store eight bytes that h5py would take for a NumPy type, such as a pointer to an object."""

    def change(file):
        kind = h5py.h5t.create(h5py.h5t.OPAQUE, 8)
        kind.set_tag(tag)
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        if key is None:
            parent, _, name = path.rpartition("/")
            del file[path]
            h5py.h5d.create(file[parent].id, name.encode(), kind, h5py.h5s.create_simple((4,)))
        else:
            if key in file[path].attrs:
                del file[path].attrs[key]
            h5py.h5a.create(file[path].id, key.encode(), kind, space)

    return change


def linked(path, link):
    def change(file):
        if path in file:
            del file[path]
        file[path] = link

    return change


def cycle(path):
    def change(file):
        file[f"{path}/again"] = file[path]

    return change


def virtual(path):
    def change(file):
        shape = file[path].shape
        layout = h5py.VirtualLayout(shape=shape, dtype="f8")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=shape)
        del file[path]
        file.create_virtual_dataset(path, layout)

    return change


def group_instead(path):
    def change(file):
        del file[path]
        file.create_group(path)

    return change


def kind_of(name, file):
    """Tell whether a file of a rank is the one that a case of that name changes."""
    words = ("spikes", "senders", "attribute size", "attribute stride", "tick")
    return ("/spikes" in file) == any(word in name for word in words)


def removed(path):
    def change(file):
        del file[path]

    return change


HUGE = {"shape": (10**12,), "dtype": "f8", "chunks": (1000,)}
#: Changes of ``result.h5``.
MAIN = [
    ("external group", linked("/signals", h5py.ExternalLink("/etc/passwd", "/")),
     "leads elsewhere"),
    ("soft group", linked("/signals", h5py.SoftLink("/about")), "leads elsewhere"),
    ("soft loop", linked("/signals/a", h5py.SoftLink("/signals/a")), "leads elsewhere"),
    ("cycle", cycle("/signals"), "nested too deeply"),
    ("cycle of spikes", cycle("/spikes"), "nested too deeply"),
    ("table among links", linked("/timing/x", np.arange(3)), "is no group"),
    ("deep spikes", linked("/spikes/a/b/c", h5py.ExternalLink("rank-0000.h5", "/")), "of the name"),
    ("flat spikes", linked("/spikes/a", h5py.ExternalLink("rank-0000.h5", "/")), "of the name"),
    ("no signals", removed("/signals"), "damaged"),
    ("no about", removed("/about"), "damaged"),
    ("about is a link", linked("/about", h5py.ExternalLink("/etc/passwd", "/")), "leads elsewhere"),
    *((f"link to {name}", linked(SIGNAL, h5py.ExternalLink(name, SIGNAL)), "leads out of its")
      for name in ("/etc/passwd", "../other/rank-0000.h5", "a/rank-0000.h5", "..", "/dev/zero")),
    *((f"{key} is {value!r}"[:50], attribute("/", key, value), "")
      for key in ("tick_ms", "window_ms", "duration_ms")
      for value in ("soon", 0.0, -1.0, np.nan, np.inf, 1e300, np.zeros(3))),
    *((f"{key} opaque {tag}", opaque("/", key, tag), "neither a number nor a text")
      for key in ("status", "tick_ms", "new") for tag in (b"NUMPY:O", b"NUMPY:|O8", b"pickle")),
    ("status is a table", attribute("/", "status", np.zeros((99, 99))), "neither a number"),
    ("format is a list", attribute("/", "format", ["cosim result"] * 2), "neither a number"),
    *((f"plan is {value[:20]!r}", replaced("/about/plan", data=value), "plan cannot be parsed")
      for value in ("", "[]", "3", "nul", "[" * 100_000, "9" * 5000)),
    ("plan is a number", replaced("/about/plan", data=3.0), "another type"),
    ("plan is many", replaced("/about/plan", data=["{}", "{}"]), "has shape"),
    ("plan is opaque", opaque("/about/plan", None, b"NUMPY:O"), "another type"),
    *((f"scenario is {value[:30]!r}", replaced("/about/scenario", data=value), "the scenario in it")
      for value in (
          "", "- 1", "{", "a: !!python/object/apply:os.system ['touch canary']",
          "a: 2\na: 3", "a: " + "[" * 100 + "]" * 100, "a: " + "9" * 900,
      )),
]
#: Changes of the file of a rank.
RANKS = [
    *((f"{path} huge", replaced(path, **HUGE), "announces") for path in (
        f"{SIGNAL}/time_ms", f"{SPIKES}/time_ms", f"{TIMING}/begin_s",
    )),
    ("huge values", replaced(f"{SIGNAL}/values", shape=(10**11, 12), dtype="f8", chunks=(9, 12)),
     "announces"),
    ("huge pieces", replaced(f"{SIGNAL}/time_ms", shape=(4,), maxshape=(None,), dtype="f8",
                             chunks=(2**28,)), "pieces"),
    ("huge senders", replaced(f"{SPIKES}/sender", shape=(10**12,), dtype="i4", chunks=(9,)),
     "announces"),
    ("huge columns", replaced(f"{SIGNAL}/columns", shape=(10**12,), dtype=h5py.string_dtype(),
                              chunks=(9,)), ""),
    ("bomb", replaced(f"{SIGNAL}/time_ms", data=np.zeros(2**25), chunks=(2**20,), compression=9),
     "announces"),
    ("elsewhere", replaced(f"{SIGNAL}/time_ms", shape=(9,), dtype="f8",
                           external=[("/etc/passwd", 0, 72)]), "in other files"),
    ("virtual", virtual(f"{SIGNAL}/time_ms"), "in other files"),
    ("soft link", linked(f"{SIGNAL}/time_ms", h5py.SoftLink("/x")), "leads elsewhere"),
    ("external link", linked(f"{SIGNAL}/values", h5py.ExternalLink("/etc/passwd", "/")),
     "leads elsewhere"),
    ("group on the way", linked("/signals/cortex", h5py.ExternalLink("/etc/passwd", "/")),
     "leads elsewhere"),
    *((f"{path} missing", removed(path), "damaged") for path in (
        f"{SIGNAL}/time_ms", f"{SIGNAL}/values", f"{SIGNAL}/columns", f"{SPIKES}/sender",
        f"{SPIKES}/until_ms", f"{TIMING}/peers", f"{TIMING}/waited_for", SIGNAL,
    )),
    *((f"{path} group", group_instead(path), "is no dataset") for path in (
        f"{SIGNAL}/time_ms", f"{SPIKES}/sender", f"{TIMING}/peers",
    )),
    *((f"{path} {np.shape(data)} {np.ravel(data)[:1]} of {np.asarray(data).dtype}",
       replaced(path, data=data), says)
      for path, data, says in (
          (f"{SIGNAL}/time_ms", np.zeros((50, 2)), "has shape"),
          (f"{SIGNAL}/time_ms", np.arange(50), "another type"),
          (f"{SIGNAL}/time_ms", np.arange(50, dtype="f4"), "expected float64"),
          (f"{SIGNAL}/time_ms", np.arange(50.0)[::-1], "not in order"),
          (f"{SIGNAL}/time_ms", np.full(50, np.inf), "not in order"),
          (f"{SIGNAL}/time_ms", 3.0, "has shape"),
          (f"{SIGNAL}/values", np.zeros((50, 5)), "has shape"),
          (f"{SIGNAL}/values", np.zeros((9, 12)), "9 of 50 rows"),
          (f"{SIGNAL}/values", np.zeros(50), "has shape"),
          (f"{SPIKES}/sender", np.full(9999, -1), "outside"),
          (f"{SPIKES}/sender", np.full(9999, 400), "outside"),
          (f"{SPIKES}/sender", np.zeros(1, int), "1 of"),
          (f"{SPIKES}/sender", np.zeros(9999), "another type"),
          (f"{SPIKES}/time_ms", np.full(3, -5.0), "a spike is at"),
          (f"{SPIKES}/until_ms", 1e300, "'until_ms' is"),
          (f"{SPIKES}/until_ms", -1.0, "'until_ms' is"),
          (f"{SPIKES}/until_ms", np.nan, "'until_ms' is"),
          (f"{SPIKES}/until_ms", np.zeros(3), "has shape"),
          (f"{TIMING}/waited_for", np.full(10, 99), "outside"),
          (f"{TIMING}/waited_for", np.full(10, -2), "outside"),
          (f"{TIMING}/wait_s", np.zeros(3), "3 of 10 rows"),
          (f"{TIMING}/window", np.zeros(3, int), "3 of 10 rows"),
      )),
    *((f"{path} text", replaced(path, data=["x"] * 50), "another type") for path in (
        f"{SIGNAL}/time_ms", f"{SPIKES}/time_ms", f"{TIMING}/compute_s",
    )),
    ("long column", replaced(f"{SIGNAL}/columns", data=["x" * 5000] * 12), "more than 4096"),
    ("columns of numbers", replaced(f"{SIGNAL}/columns", data=np.arange(12)), "another type"),
    *((f"{path} opaque", opaque(path, None, b"NUMPY:O"), "another type") for path in (
        f"{SIGNAL}/time_ms", f"{SIGNAL}/columns", f"{SPIKES}/sender", f"{TIMING}/peers",
    )),
    *((f"attribute {key} {value!r}"[:60], attribute(SPIKES, key, value), "")
      for key in ("size", "stride") for value in (0, -1, 2**62, 1.5, "many", np.arange(3))),
    *((f"tick {value!r}", attribute(SPIKES, "tick_ms", value), "'tick_ms' is")
      for value in (0.0, np.nan, "x")),
    ("opaque attribute", opaque(SIGNAL, "extra", b"NUMPY:O"), "neither a number nor a text"),
    ("reference attribute", attribute(SIGNAL, "extra", np.zeros((5, 5))), "neither a number"),
]
