"""Compiles neuron models for the installed NEST, once, into the user's cache.

The result is keyed by the text of the model, by how it is compiled and by the file that holds
NEST's kernel, but not by the compiler, so that nodes without one find what a login node with
one has made. It is made apart and renamed at the end: whoever finds it finds all of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cosim.errors import UsageError
from cosim_nest.models.toolchain import (
    NestInstallation,
    abi_flags,
    compiler,
    installation,
    nest_library,
    python,
    run_tool,
)

# No -march: a cache may be shared by machines with different processors.
_FLAGS = ("-shared", "-fPIC", "-O3", "-DNDEBUG", "-std=c++20")
# NEST's headers use Boost, if its builders had it, for the wording of messages and for a sorting
# that extension modules do not reach. So a user needs no Boost.
_PRELUDE = """\
#include "config.h"
#if defined( HAVE_BOOST ) && !__has_include( <boost/type_index.hpp> )
#undef HAVE_BOOST
#endif
"""
_TRIAL = """\
import sys
from cosim_nest.kernel import load
nest = load()
nest.Install(sys.argv[1])
nest.Create(sys.argv[2], 2)
nest.Simulate(10.0)
"""


def cache_folder() -> Path:
    """Return the folder of everything compiled, which need not exist."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".cache"
    return base / "cosim" / "models"


@dataclass(frozen=True)
class ModelSource:
    """A neuron model written in NESTML.

    Attributes
    ----------
    text
        File of the model.
    model
        Name of the model in NEST.
    module
        Name of the extension module that brings it.
    """

    text: Path
    model: str
    module: str

    @cached_property
    def digest(self) -> str:
        """Digest of the model's text, which tells versions of the model apart."""
        return hashlib.sha256(self.text.read_bytes()).hexdigest()[:12]

    def compiled(self) -> Path | None:
        """Return where the module for the installed NEST belongs; None without NEST."""
        library = nest_library()
        if library is None:
            return None
        state = library.stat()
        key = [self.digest, *_FLAGS, _PRELUDE, platform.machine(), str(library.resolve())]
        key += [str(state.st_size), str(state.st_mtime_ns)]
        digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
        return cache_folder() / f"{self.model}-{digest}" / f"{self.module}.so"


def build(source: ModelSource, *, force: bool = False) -> tuple[Path, dict[str, Any]]:
    """Compile a model unless it is compiled already.

    Parameters
    ----------
    source
        The model.
    force
        Whether to compile what is there already.

    Returns
    -------
    path
        The module.
    facts
        How it was made: versions, command, seconds; empty if it was there.

    Raises
    ------
    UsageError
        If NEST, its headers, NESTML or a compiler is missing, or compiling fails.
    """
    asked_s = time.time()
    path = source.compiled()
    if path is not None and path.exists() and not force:
        return path, {}
    nest, command = _tools()
    made = path or cache_folder()
    with _locked(made.parent):
        # Another process may have made it while this one waited.
        if made.exists() and (not force or made.stat().st_mtime > asked_s):
            return made, {}
        return made, _make(source, nest, command, made)


def _tools() -> tuple[NestInstallation, tuple[str, ...]]:
    """Return what compiling takes, or say what is missing."""
    nest = installation()
    command = compiler(nest.mpi)
    if find_spec("pynestml") is None:
        raise UsageError("compiling neuron models needs NESTML; pip install 'cosim-brain[models]'")
    return nest, command


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise UsageError(f"{error}; name a folder for compiled models in XDG_CACHE_HOME") from error
    with lock:
        # Some network file systems have no locks; two builds do no harm, they only cost time.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(
    source: ModelSource, nest: NestInstallation, command: tuple[str, ...], made: Path
) -> dict[str, Any]:
    # Beside its place, so that renaming moves nothing between file systems.
    with tempfile.TemporaryDirectory(dir=made.parent, prefix="build-") as folder:
        work, begun_s = Path(folder), time.perf_counter()
        arguments = (str(source.text), "cpp", source.module, nest.version)
        generate = python("-m", "cosim_nest.models.generate", *arguments)
        run_tool(generate, f"writing the C++ of {source.model}", work)
        generated_s = time.perf_counter()
        flags = (*_FLAGS, *abi_flags(nest.library.read_bytes()))
        _compile((*command, *flags), nest.headers, work, made.name)
        compiled_s = time.perf_counter()
        trial = python("-c", _TRIAL, str(work / made.name), source.model)
        run_tool(trial, f"trying the compiled {source.model} in NEST", work)
        says = run_tool((*command, "--version"), "asking the compiler", work)
        facts = {
            "model": source.model,
            "text": source.digest,
            "nest": nest.version,
            "nestml": version("nestml"),
            "compiler": says.partition("\n")[0],
            "flags": list(flags),
            "generating_s": round(generated_s - begun_s, 1),
            "compiling_s": round(compiled_s - generated_s, 1),
        }
        (work / "build.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        (work / "build.json").replace(made.parent / "build.json")
        (work / made.name).replace(made)
    return facts


def _compile(command: tuple[str, ...], headers: Path, work: Path, output: str) -> None:
    (work / "prelude.h").write_text(_PRELUDE, encoding="utf-8")
    inputs = [str(path) for path in sorted((work / "cpp").glob("*.cpp"))]
    include = ("-include", "prelude.h", f"-I{headers}", "-Icpp")
    run_tool((*command, *include, *inputs, "-o", output), f"compiling {output}", work)


def build_models(*, force: bool = False) -> Iterator[str]:
    """Compile all neuron models of this package, saying of each what is done and what was.

    Raises
    ------
    UsageError
        If NEST's headers, NESTML or a compiler is missing, or compiling fails.
    """
    from cosim_nest.models.eglif import SOURCE

    path = SOURCE.compiled()
    if path is None:
        yield "NEST is not installed, so there is nothing to compile for"
        return
    if force or not path.exists():
        nest, command = _tools()
        yield (
            f"compiling {SOURCE.model} for NEST {nest.version} with {command[0]}; this takes about "
            "half a minute, once for this machine"
        )
    path, facts = build(SOURCE, force=force)
    if not facts:
        yield f"{SOURCE.model} is compiled: {path}"
        return
    spent_s = facts["generating_s"] + facts["compiling_s"]
    yield f"{SOURCE.model} compiled in {spent_s:.0f} s by {facts['compiler']}: {path}"
