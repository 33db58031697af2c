"""What compiling for the installed NEST takes: its headers, its C++ ABI, a compiler."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cosim.errors import UsageError

_LIBRARY = "nestkernel_api*.so"
_NEST_SYMBOL = re.compile(rb"_ZNK?4nest[0-9A-Za-z_]+")


@dataclass(frozen=True)
class NestInstallation:
    """The NEST that Python would import.

    Attributes
    ----------
    library
        The extension module that contains the kernel, or is linked with it.
    headers
        Folder of NEST's C++ headers.
    version
        Version that the headers state.
    mpi
        Whether the kernel was built with MPI, whose headers it then needs.
    """

    library: Path
    headers: Path
    version: str
    mpi: bool


def nest_library() -> Path | None:
    """Return the file that holds NEST's kernel, or None without NEST; imports nothing."""
    spec = find_spec("nest")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    found = (path for folder in folders for path in sorted(Path(folder).glob(_LIBRARY)))
    return next(found, None)


def installation() -> NestInstallation:
    """Return what there is of NEST.

    Raises
    ------
    UsageError
        If there is no NEST, or it came without headers.
    """
    library = nest_library()
    if library is None:
        raise UsageError("NEST is not installed; pip install nest-simulator")
    # A wheel holds the headers beside the library, other installations under a common prefix.
    places = [parent / "include" / "nest" for parent in library.resolve().parents]
    headers = next((place for place in places if (place / "config.h").is_file()), None)
    if headers is None:
        raise UsageError(f"the NEST in {library.parent} came without its C++ headers")
    config = (headers / "config.h").read_text(encoding="utf-8", errors="replace")
    version = re.search(r'#define NEST_VERSION "([^"]+)"', config)
    mpi = re.search(r"^#define HAVE_MPI\b", config, re.MULTILINE)
    return NestInstallation(library, headers, version[1] if version else "", bool(mpi))


def abi_flags(library: bytes) -> tuple[str, ...]:
    """Return the flags by which a module agrees with a library about strings and threads.

    Names of C++ functions tell which of the two ABIs of GNU's standard library their strings
    have. Only NEST's own count: what else a wheel contains may have been built differently.

    Parameters
    ----------
    library
        Content of the library.
    """
    new = any(b"__cxx11" in name for name in _NEST_SYMBOL.findall(library))
    threads = ("-fopenmp",) if b"GOMP_" in library or b"__kmpc_" in library else ()
    return (f"-D_GLIBCXX_USE_CXX11_ABI={int(new)}", *threads)


def compiler(mpi: bool) -> tuple[str, ...]:
    """Return the command of the C++ compiler: CXX, or the first usual one that is there.

    Raises
    ------
    UsageError
        If there is none.
    """
    named = os.environ.get("CXX", "")
    if named:
        command = tuple(shlex.split(named))
        if shutil.which(command[0]):
            return command
        raise UsageError(f"CXX names the compiler '{named}', which is not there")
    wanted = ("mpicxx", "mpic++") if mpi else ("g++", "c++", "clang++")
    for name in wanted:
        path = shutil.which(name)
        if path:
            return (path,)
    what = "an MPI compiler (mpicxx)" if mpi else "a C++ compiler (g++)"
    raise UsageError(
        f"compiling neuron models needs {what}; install one, for example by 'apt install g++', "
        "or name it in CXX. Without it, choose models that NEST has built in"
    )


def environment() -> Mapping[str, str]:
    """Return the environment for tools that are started from a rank of an MPI job."""
    launchers = ("PMI", "MPI_LOCAL", "OMPI_", "PRTE_", "HYDRA_")
    return {k: v for k, v in os.environ.items() if not k.startswith(launchers)}


def run_tool(command: tuple[str, ...], doing: str, folder: Path) -> str:
    """Run a tool and return what it printed.

    Raises
    ------
    UsageError
        If it fails; the last lines of its output are in the message.
    """
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode:
        tail = "\n".join(said.strip().splitlines()[-12:])
        raise UsageError(f"{doing} failed: {shlex.join(command)}\n{tail}")
    return said


def python(*arguments: str) -> tuple[str, ...]:
    """Return a command of this Python."""
    return (sys.executable, *arguments)
