"""The commands as a user types them, in this process."""

import json
import re
from pathlib import Path

import pytest

import cosim_launch
from cosim.cli.doctor import Finding
from cosim_launch import Family, Launcher

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def a_cluster(monkeypatch):
    """Make the machine look alike everywhere: MPICH under SLURM, four cores a node."""
    srun = Launcher(Family.SRUN, "/usr/bin/srun", "24.05", mpi="pmi2")
    mpirun = Launcher(Family.MPICH, "/opt/mpich/bin/mpirun", "5.0.2")
    from cosim.cli import jobs, launching

    monkeypatch.setattr(jobs, "available_launchers", lambda: (srun, mpirun))
    monkeypatch.setattr(jobs, "program", lambda: ("/opt/env/bin/cosim",))
    monkeypatch.setattr(launching, "find_mpirun", lambda: mpirun)
    monkeypatch.setattr(launching, "program", lambda: ("/opt/env/bin/cosim",))
    monkeypatch.setattr(launching, "local_cores", lambda: 4)
    defaults = list(cosim_launch.Job.__init__.__defaults__)
    defaults[-1] = "/opt/env"
    monkeypatch.setattr(cosim_launch.Job.__init__, "__defaults__", tuple(defaults))


def golden(name, text):
    return text == (GOLDEN / name).read_text()


def test_check_says_what_the_scenario_holds(command):
    code, out, _ = command("check", DEMO)
    assert code == 0
    assert "76 regions, 3 simulators, 6 transformers, 5 ranks" in out


def test_plan_shows_borders_lags_conversions_and_the_launch_command(command, a_cluster):
    code, out, _ = command("plan", DEMO)
    assert code == 0
    for part in ("rTCV -> rV2", "25.4 mm", "6.3 ms", "gamma 0.641",
                 "5 ranks", "/opt/mpich/bin/mpirun", "-n 5"):
        assert part in out


def test_plan_lists_stimuli(command):
    code, out, _ = command("plan", DEMO.parent / "cerebellum_stimulus.yaml")
    assert code == 0
    rows = r"Stimuli *\n.*\n.* CbCtx_L +mf_background by \+0\.0405 +400 ms +450 ms *\n.* CbNuc_L "
    assert re.search(rows, out), out


def test_plan_as_json_is_the_plan(command):
    code, out, _ = command("plan", DEMO, "--json")
    assert code == 0
    assert json.loads(out)["ranks"] == 5


def test_a_dry_run_prints_the_command_and_makes_nothing(command, a_cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = command("run", DEMO, "--dry-run", "--run-dir", "out", "--window", "1 ms")
    assert code == 0
    assert golden("run.txt", out.replace(str(DEMO), "demo.yaml"))
    assert not list(tmp_path.iterdir())


def test_a_dry_launch_prints_the_job_script(command, a_cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(
        "launch", DEMO, "--on", "slurm", "--nodes", 1, "--cores-per-node", 16, "--time", "0:10:00",
        "--partition", "batch", "--account", "brains", "--run-dir", "run1", "--dry-run",
    )
    assert code == 0
    shown = out.replace(str(DEMO), "demo.yaml").replace(str(tmp_path), "/home/user")
    assert golden("launch.slurm", shown)
    assert not list(tmp_path.iterdir())


def test_a_launch_writes_the_script(command, a_cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command("launch", DEMO, "--time", "1:00:00")
    assert code == 0
    (script,) = tmp_path.iterdir()
    assert script.name in out
    text = script.read_text()
    assert "--time=01:00:00" in text
    folder = re.search(r"results +(runs/\S+);", out)[1]
    assert f"--run-dir {folder}\n" in text
    assert f"cosim resume {folder}\n" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("launch", DEMO, "--on", "pbs"), "expected slurm"),
        (("launch", DEMO, "--time", "ten"), "hours:minutes:seconds"),
        (("run", DEMO, "--ranks", "2", "--dry-run"), "3 to 9 ranks"),
        (("plan", DEMO, "--ranks", "50"), "3 to 9 ranks"),
    ],
)
def test_mistakes_on_the_command_line_end_with_status_2(command, a_cluster, arguments, expected):
    code, _, err = command(*arguments)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err


def test_a_run_directory_is_not_overwritten(command, tmp_path):
    (tmp_path / "result.h5").write_bytes(b"precious")
    code, _, err = command("run", DEMO, "--serial", "--run-dir", tmp_path)
    assert code == 2
    assert "earlier run" in err
    assert (tmp_path / "result.h5").read_bytes() == b"precious"


def test_the_schema_goes_to_a_file(command, tmp_path):
    path = tmp_path / "schema.json"
    code, _, _ = command("schema", "--output", path)
    assert code == 0
    assert "models" in json.loads(path.read_text())["$defs"]["scenario"]["properties"]


def test_doctor_says_what_is_bad(command, monkeypatch):
    from cosim.cli import doctor

    found = [Finding("HDF5", True, "fine"), Finding("MPI", False, "use the other mpirun")]
    monkeypatch.setattr(doctor, "findings", lambda: iter(found))
    code, out, _ = command("doctor")
    assert code == 1
    assert "use the other mpirun" in out


def test_doctor_is_content_with_this_machine(command):
    code, out, _ = command("doctor")
    assert code == 0, out
    for name in ("HDF5", "MPI", "nest under MPI", "tvb under MPI", "cores"):
        assert name in out


@pytest.mark.parametrize(("told", "terminal", "width"), [("77", True, 77), ("0", False, 110)])
def test_ranks_write_for_where_the_launching_process_writes(monkeypatch, told, terminal, width):
    """Some launchers give their ranks a terminal of their own, whatever the output goes to."""
    from cosim.cli import running

    monkeypatch.setenv(running.TERMINAL, told)
    monkeypatch.delenv("COLUMNS", raising=False)
    shown = running.console()
    assert (shown.is_terminal, shown.width) == (terminal, width)
