"""The arrows between modules: who may import whom, read from the source."""

import ast
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "cosim": ROOT / "cosim",
    "cosim_nest": ROOT / "adapters" / "cosim_nest",
    "cosim_tvb": ROOT / "adapters" / "cosim_tvb",
    "cosim_launch": ROOT / "launch" / "cosim_launch",
}
#: From the bottom to the top. A module may import what stands below it; neighbours in a row do
#: not know each other. The most specific entry counts.
LAYERS = (
    ("errors", "units", "streams", "patience", "account", "mpi"),
    ("clock", "intake", "stalls"),
    ("messages", "ports", "progress", "sentinel", "own_code"),
    ("scenario.fields",),
    ("scenario.guards",),
    ("scenario.model",),
    ("simulator", "transformers.base"),
    ("scenario", "transformers", "recording"),
    ("plan", "results"),
    ("", "plotting", "links"),
    ("costs",),
    ("tapes",),
    ("roles",),
    ("loop", "isolated"),
    ("assembly", "lifecycle"),
    ("session", "serial"),
    ("replay",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}
#: All that a simulator's adapter may know of the core.
FOR_ADAPTERS = {
    "cosim.clock",
    "cosim.errors",
    "cosim.messages",
    "cosim.own_code",
    "cosim.ports",
    "cosim.scenario.fields",
    "cosim.scenario.model",
    "cosim.simulator",
    "cosim.streams",
    "cosim.transformers.base",
    "cosim.units",
}
#: Commands that an adapter brings: they read scenarios, as a user's script would, and no rank
#: imports them.
COMMANDS = {"cosim_tvb.cortex.scenario", "cosim_tvb.cortex.__main__"}
#: The only places from which these may be imported.
OWNERS = {"mpi4py": {"cosim.mpi"}, "nest": {"cosim_nest"}, "tvb": {"cosim_tvb"}}


def modules():
    """Return the files of all our modules by name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *(p for p in parts if p != "__init__")))] = path
    return found


MODULES = modules()


def imports(path, *, at_import=False):
    """Yield what a file imports; only what importing it executes if `at_import`."""
    for node in executed(path) if at_import else ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inside)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.args[0].value


def executed(path):
    """Yield the nodes of a file outside functions and outside what only type checkers read."""
    waiting = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        yield node
        skipped = isinstance(node, ast.FunctionDef) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        waiting += [] if skipped else ast.iter_child_nodes(node)


def entry(module):
    """Return the entry of `LAYERS` that covers a module of the core."""
    name = module.removeprefix("cosim").removeprefix(".")
    while name and name not in LEVEL:
        name = name.rpartition(".")[0]
    assert name or module == "cosim", f"{module} has no place among the layers"
    return name


def arrows():
    for module, path in MODULES.items():
        for imported in imports(path):
            yield module, imported


def top(module):
    return module.partition(".")[0]


def test_every_layer_exists():
    assert {entry(m) for m in MODULES if top(m) == "cosim"} == set(LEVEL)


def test_the_core_imports_downwards():
    wrong = []
    for module, imported in arrows():
        if top(module) == top(imported) == "cosim":
            mine, theirs = entry(module), entry(imported)
            if mine != theirs and LEVEL[theirs] >= LEVEL[mine]:
                wrong.append(f"{module} imports {imported}")
    assert not wrong


def test_only_commands_know_how_jobs_are_launched():
    users = {m for m, imported in arrows() if top(imported) == "cosim_launch"}
    assert {entry(m) for m in users if top(m) == "cosim"} == {"cli"}
    assert {top(m) for m in users} == {"cosim", "cosim_launch"}


def test_the_core_knows_no_adapter():
    adapters = {"cosim_nest", "cosim_tvb"}
    wrong = [a for a in arrows() if top(a[1]) in adapters and top(a[0]) != top(a[1])]
    assert not wrong


@pytest.mark.parametrize("adapter", ["cosim_nest", "cosim_tvb"])
def test_adapters_know_the_contract_only(adapter):
    known = {
        i for m, i in arrows() if top(m) == adapter and top(i) == "cosim" and m not in COMMANDS
    }
    assert known <= FOR_ADAPTERS
    assert "cosim.simulator" in known


def test_launching_knows_errors_only():
    known = {i for m, i in arrows() if top(m) == "cosim_launch" and top(i).startswith("cosim")}
    assert {i for i in known if top(i) == "cosim"} == {"cosim.errors"}


def test_no_rank_imports_a_command_that_reads_scenarios():
    assert not {m for m, i in arrows() if i in COMMANDS and m not in COMMANDS}


@pytest.mark.parametrize("foreign", OWNERS)
def test_each_foreign_library_has_one_home(foreign):
    users = {m for m, imported in arrows() if top(imported) == foreign}
    assert users
    assert all(m in OWNERS[foreign] or top(m) in OWNERS[foreign] for m in users), users


def test_modules_import_without_a_cycle():
    graph = {m: set(imports(p, at_import=True)) & MODULES.keys() for m, p in MODULES.items()}
    # A package's root gathers what its modules offer; loading one of them loads the root first.
    packages = {m for m, p in MODULES.items() if p.name == "__init__.py"}
    inner = {m: used - {p for p in packages if m.startswith(p + ".")} for m, used in graph.items()}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle: {' -> '.join(error.args[1])}")


def loaded_by(code, *wanted):
    """Return which of some libraries a fresh process has loaded after running some code."""
    script = (
        f"{code}\nimport json, sys\nprint(json.dumps([m for m in {wanted} if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_command_line_is_light():
    heavy = ("mpi4py", "nest", "tvb", "numpy", "scipy", "h5py", "matplotlib", "xarray", "pydantic")
    assert loaded_by("import cosim.cli.main", *heavy) == []


def test_a_rank_is_light_until_it_knows_its_roles():
    heavy = ("nest", "tvb", "matplotlib", "xarray", "pandas")
    assert loaded_by("import cosim.cli.worker", *heavy) == []


TRANSFORMERS_ONLY = """
import tempfile
from pathlib import Path
from cosim.assembly import assemble, connect
from cosim.plan.build import open_case
from cosim.recording import RankFile, RunDir
from cosim.tapes import Deck
class Nobody:
    def send(self, buffer, rank, tag): return self
    sender = receive = receiver = send
    def Start(self): pass
    def Test(self): return False
case, plan = open_case(Path("configs/demo.yaml"))
rank = plan.ranks - 1
assert plan.transformers[-1].rank == rank > max(s.rank for s in plan.simulators)
with tempfile.TemporaryDirectory() as folder:
    recorder = RankFile(Path(folder) / "r.h5", rank, plan.clock)
    run_dir = RunDir(Path(folder))
    links = connect(plan, rank, Nobody(), Deck(None))
    assert list(assemble(case, plan, rank, links, recorder, run_dir))
    recorder.close()
"""


def test_a_rank_of_transformers_loads_no_simulator():
    heavy = ("nest", "tvb", "matplotlib", "xarray", "cosim_nest")
    assert loaded_by(TRANSFORMERS_ONLY, *heavy) == ["cosim_nest"]
