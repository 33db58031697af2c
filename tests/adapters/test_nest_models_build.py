"""Compiling neuron models: once, whoever else does so, and in plain words where it cannot be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cosim.errors import UsageError
from cosim_nest import ENGINE
from cosim_nest.kernel import load
from cosim_nest.models import build as building
from cosim_nest.models import eglif, toolchain

CXX = shutil.which("g++")
needs_compiler = pytest.mark.skipif(CXX is None, reason="optional: there is no g++")


@pytest.fixture
def compiled():
    if not eglif.available():
        pytest.importorskip("pynestml", reason="optional: NESTML is not installed")
    return eglif.build()


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cosim" / "models"


def cosim(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "cosim", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_is_compiled_stays_as_it_is(compiled):
    before = compiled.stat()
    assert eglif.available()
    assert eglif.build() == compiled
    (said,) = list(ENGINE.build_models(force=False))
    assert said == f"eglif_fast_neuron is compiled: {compiled}"
    assert compiled.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.name for path in compiled.parent.iterdir()) == [
        "build.json", "cosim_eglif_module.so", "lock",
    ]  # fmt: skip


def test_an_unbuilt_cache_is_not_touched_by_asking(empty_cache):
    assert not eglif.available()
    assert not empty_cache.exists()
    assert eglif.MODEL not in ENGINE.versions()


def test_versions_tell_the_model_that_is_compiled(compiled):
    assert ENGINE.versions()[eglif.MODEL] == eglif.SOURCE.digest


def test_the_place_depends_on_the_text_and_on_nest(tmp_path, monkeypatch):
    def place(text):
        file = tmp_path / "a.nestml"
        file.write_text(text)
        return building.ModelSource(file, "a", "a_module").compiled()

    first = place("model a:")
    assert place("model a:") == first
    assert place("model a: ") != first
    library = tmp_path / "nestkernel_api.so"
    library.write_bytes(b"another NEST")
    monkeypatch.setattr(building, "nest_library", lambda: library)
    assert place("model a:") != first


@pytest.mark.parametrize("where", ["", "relative/folder"])
def test_a_cache_must_be_named_by_an_absolute_path(monkeypatch, where):
    monkeypatch.setenv("XDG_CACHE_HOME", where)
    assert building.cache_folder() == Path.home() / ".cache" / "cosim" / "models"


def test_the_cache_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "cosim").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(building, "find_spec", lambda _: True)
    monkeypatch.setattr(building, "compiler", lambda _: ("c++",))
    with pytest.raises(UsageError, match="name a folder for compiled models in XDG_CACHE_HOME"):
        eglif.build()


def test_without_a_compiler_the_command_says_what_to_do(tmp_path):
    done = cosim("build-models", PATH=str(tmp_path), CXX="", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "needs a C++ compiler (g++)" in done.stderr
    assert "choose models that NEST has built in" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_is_named_must_be_there(empty_cache, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O1")
    with pytest.raises(UsageError, match="CXX names the compiler 'no-such-compiler -O1'"):
        eglif.build()


def test_a_nest_with_mpi_takes_an_mpi_compiler(tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="an MPI compiler"):
        toolchain.compiler(mpi=True)
    script = tmp_path / "mpicxx"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert toolchain.compiler(mpi=True) == (str(script),)
    with pytest.raises(UsageError, match="a C\\+\\+ compiler"):
        toolchain.compiler(mpi=False)


@needs_compiler
def test_without_nestml_it_is_asked_for(empty_cache, monkeypatch):
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"needs NESTML; pip install 'cosim-brain\[models\]'"):
        eglif.build()


def test_without_nest_there_is_nothing_to_compile(monkeypatch):
    monkeypatch.setattr(building, "nest_library", lambda: None)
    (line,) = building.build_models()
    assert line == "NEST is not installed, so there is nothing to compile for"
    assert not eglif.available()


def test_a_nest_without_headers_is_named(tmp_path, monkeypatch):
    library = tmp_path / "nest" / "nestkernel_api.so"
    library.parent.mkdir()
    library.touch()
    monkeypatch.setattr(toolchain, "nest_library", lambda: library)
    with pytest.raises(UsageError, match="came without its C\\+\\+ headers"):
        toolchain.installation()
    headers = tmp_path / "include" / "nest"
    headers.mkdir(parents=True)
    config = '#define NEST_VERSION "3.11.2"\n#define HAVE_MPI 1\n'
    (headers / "config.h").write_text(config)
    found = toolchain.installation()
    assert (found.headers, found.version, found.mpi) == (headers, "3.11.2", True)


def test_the_installed_nest_is_found():
    found = toolchain.installation()
    assert found.version == load().__version__
    assert (found.headers / "archiving_node.h").is_file()


OLD = b"\0_ZNK4nest4Node21get_synaptic_elementsESs\0"
NEW = b"\0_ZNK4nest4Node21get_synaptic_elementsENSt7__cxx1112basic_stringIcE\0"
FOREIGN = b"\0_ZNSt11logic_errorC1ERKNSt7__cxx1112basic_stringIcE\0"


@pytest.mark.parametrize(
    ("library", "flags"),
    [
        (OLD, ("-D_GLIBCXX_USE_CXX11_ABI=0",)),
        (OLD + FOREIGN, ("-D_GLIBCXX_USE_CXX11_ABI=0",)),
        (NEW, ("-D_GLIBCXX_USE_CXX11_ABI=1",)),
        (FOREIGN + NEW + b"GOMP_parallel\0", ("-D_GLIBCXX_USE_CXX11_ABI=1", "-fopenmp")),
        (OLD + b"__kmpc_fork_call\0", ("-D_GLIBCXX_USE_CXX11_ABI=0", "-fopenmp")),
    ],
)
def test_symbols_of_nest_alone_tell_the_abi(library, flags):
    assert toolchain.abi_flags(library) == flags


@needs_compiler
@pytest.mark.parametrize("abi", [0, 1])
def test_the_abi_of_a_library_that_was_just_compiled_is_told(tmp_path, abi):
    source = tmp_path / "kernel.cpp"
    source.write_text(
        "#include <string>\nnamespace nest { std::string set_label( std::string name )"
        " { return name + name; } }\n"
    )
    library = tmp_path / "kernel.so"
    given = f"-D_GLIBCXX_USE_CXX11_ABI={abi}"
    command = (CXX, "-shared", "-fPIC", given, str(source), "-o", str(library))
    toolchain.run_tool(command, "compiling", tmp_path)
    assert toolchain.abi_flags(library.read_bytes()) == (given,)


def test_a_tool_that_fails_is_quoted(tmp_path):
    code = "import sys; print('first'); sys.exit('last words')"
    with pytest.raises(UsageError, match=r"(?s)compiling x failed: .*first\nlast words"):
        toolchain.run_tool(toolchain.python("-c", code), "compiling x", tmp_path)


def test_tools_see_nothing_of_an_mpi_launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    code = "import os; print(sorted(k for k in os.environ if k.startswith(('PMI', 'OMPI_'))))"
    assert toolchain.run_tool(toolchain.python("-c", code), "asking", tmp_path).strip() == "[]"


@needs_compiler
def test_what_nest_cannot_load_never_enters_the_cache(empty_cache, tmp_path, monkeypatch):
    def without_generating(command, doing, folder):
        if doing.startswith("writing"):
            (folder / "cpp").mkdir()
            (folder / "cpp" / "bogus.cpp").write_text("int nothing() { return 0; }\n")
            return ""
        return run_tool(command, doing, folder)

    run_tool = toolchain.run_tool
    monkeypatch.setattr(building, "run_tool", without_generating)
    monkeypatch.setattr(building, "find_spec", lambda _: True)
    with pytest.raises(UsageError, match="trying the compiled eglif_fast_neuron in NEST failed"):
        eglif.build()
    assert not eglif.available()
    assert [path.name for path in eglif.SOURCE.compiled().parent.iterdir()] == ["lock"]


AT_ONCE = """
import sys, time
from pathlib import Path
from cosim_nest.models import build as building, eglif
def slowly(source, nest, command, made):
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(0.5)
    apart = made.with_suffix(".apart")
    apart.write_text("module")
    apart.replace(made)
    return {"generating_s": 0, "compiling_s": 0}
building._make = slowly
building.find_spec = lambda name: True
building.compiler = lambda mpi: ("c++",)
print(eglif.build(force=len(sys.argv) > 2))
"""


@pytest.mark.parametrize("force", [(), ("force",)])
def test_processes_that_build_at_once_build_once(empty_cache, tmp_path, force):
    log = tmp_path / "log"
    command = [sys.executable, "-c", AT_ONCE, str(log), *force]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {job.communicate(timeout=60)[0].strip() for job in jobs}
    assert [job.returncode for job in jobs] == [0] * 3
    assert said == {str(eglif.SOURCE.compiled())}
    assert eglif.available()
    makers = log.read_text().splitlines()
    assert len(makers) == 1 if not force else 1 <= len(makers) <= 3


def test_force_builds_again(empty_cache, monkeypatch):
    def make(source, nest, command, made):
        made.write_text("module")
        return {"nest": "3.10", "compiler": "c++ 1", "generating_s": 1.6, "compiling_s": 2.0}

    monkeypatch.setattr(building, "_make", make)
    monkeypatch.setattr(building, "find_spec", lambda _: True)
    monkeypatch.setattr(building, "compiler", lambda _: ("c++",))
    path = eglif.SOURCE.compiled()
    said = f"eglif_fast_neuron compiled in 4 s by c++ 1: {path}"
    assert list(ENGINE.build_models(force=False))[1:] == [said]
    assert list(ENGINE.build_models(force=False)) == [f"eglif_fast_neuron is compiled: {path}"]
    past = path.stat().st_mtime - 60
    os.utime(path, (past, past))
    assert list(ENGINE.build_models(force=True))[1:] == [said]
    assert path.stat().st_mtime > past + 30


def test_what_takes_long_is_said_before_it_is_done(empty_cache, monkeypatch):
    monkeypatch.setattr(building, "_make", lambda *_: pytest.fail("compiled"))
    monkeypatch.setattr(building, "find_spec", lambda _: True)
    monkeypatch.setattr(building, "compiler", lambda _: ("c++",))
    first = next(iter(ENGINE.build_models(force=False)))
    assert first.startswith("compiling eglif_fast_neuron for NEST ")
    assert "half a minute" in first


def test_text_that_nestml_refuses_is_told_without_a_traceback(tmp_path):
    pytest.importorskip("pynestml", reason="optional: NESTML is not installed")
    text = tmp_path / "wrong.nestml"
    text.write_text("model wrong:\n    state:\n        V_m mV = = 1 mV\n")
    what = ("-m", "cosim_nest.models.generate", str(text), str(tmp_path / "cpp"))
    command = toolchain.python(*what, "wrong_module", "3.10.0")
    with pytest.raises(UsageError, match=r"(?s)writing failed: .*NESTML refuses") as caught:
        toolchain.run_tool(command, "writing", tmp_path)
    assert "Traceback" not in str(caught.value)
