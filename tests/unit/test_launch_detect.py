"""Recognising launchers by what they say and where they lie."""

import os
import subprocess
import sys

import pytest

from cosim_launch import Family, Launcher, LaunchError, find_mpirun, local_cores
from cosim_launch.detect import available_launchers, parse_mpi_types, parse_version, srun_for
from cosim_launch.environment import launched_rank, launched_size, without_launcher

HYDRA = """HYDRA build details:
    Version:                                 5.0.2
    Release Date:                            Fri Sep 25 20:45:26 UTC 2026
"""
OPEN_MPI_4 = "mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/\n"
OPEN_MPI_5 = "mpirun (Open MPI) 5.0.11\n\nReport bugs to https://www.open-mpi.org/community/help/\n"
MPI_TYPES = (
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\n"
    "specific pmix plugin versions available: pmix_v4\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HYDRA, (Family.MPICH, "5.0.2")),
        (OPEN_MPI_4, (Family.OPEN_MPI_4, "4.1.4")),
        (OPEN_MPI_5, (Family.OPEN_MPI_5, "5.0.11")),
        ("mpirun (OpenRTE) 4.0.3\n", (Family.OPEN_MPI_4, "4.0.3")),
        ("mpirun (Open MPI) 5.1.0a1\n", (Family.OPEN_MPI_5, "5.1.0a1")),
    ],
)
def test_version(text, expected):
    assert parse_version(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mpirun (Open MPI) 3.1.6\n", "3.1.6 is too old; expected 4 or later"),
        ("Some Other MPI 9\nmore", "'Some Other MPI 9'; expected MPICH or Open MPI"),
        ("", "'nothing'"),
    ],
)
def test_unknown_launchers_are_refused(text, message):
    with pytest.raises(LaunchError, match=message):
        parse_version(text)


def program(folder, name, says):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)
    return str(path)


def test_the_environments_own_mpirun_wins(tmp_path):
    inside = program(tmp_path / "venv" / "bin", "mpirun", HYDRA)
    program(tmp_path / "site", "mpirun", OPEN_MPI_4)
    path = f"{tmp_path / 'site'}{os.pathsep}{os.environ['PATH']}"
    found = find_mpirun(str(tmp_path / "venv"), path)
    assert (found.family, found.program, found.packaged) == (Family.MPICH, inside, True)


def test_the_sites_mpirun_serves_an_environment_without_one(tmp_path):
    site = program(tmp_path / "site", "mpirun", OPEN_MPI_4)
    found = find_mpirun(str(tmp_path / "venv"), f"{tmp_path / 'site'}")
    assert (found.family, found.program, found.packaged) == (Family.OPEN_MPI_4, site, False)
    assert found.as_root == (os.geteuid() == 0)


def test_no_mpirun_says_what_to_install(tmp_path):
    with pytest.raises(LaunchError, match="install MPICH or Open MPI"):
        find_mpirun(str(tmp_path), str(tmp_path))


def test_srun_comes_first_where_slurm_can_start_our_library(tmp_path):
    program(tmp_path / "site", "mpirun", OPEN_MPI_5)
    srun = program(tmp_path / "site", "srun", MPI_TYPES)
    first, second = available_launchers(str(tmp_path), str(tmp_path / "site"))
    assert (first.family, first.program, first.mpi) == (Family.SRUN, srun, "pmix")
    assert second.family is Family.OPEN_MPI_5


@pytest.mark.parametrize(
    ("family", "types", "mpi"),
    [
        (Family.MPICH, {"pmi2", "pmix"}, "pmi2"),
        (Family.OPEN_MPI_4, {"pmi2", "pmix"}, "pmix"),
        (Family.MPICH, {"pmix"}, None),
        (Family.OPEN_MPI_5, {"pmi2"}, None),
    ],
)
def test_srun_speaks_what_the_library_understands(family, types, mpi):
    srun = srun_for(Launcher(family, "mpirun"), "srun", types)
    assert (srun and srun.mpi) == mpi


@pytest.mark.parametrize("prefix", ["", "srun: "])
def test_process_managers_of_old_and_new_slurm(prefix):
    text = "".join(prefix + line + "\n" for line in MPI_TYPES.splitlines())
    assert parse_mpi_types(text) == {"pmi2", "pmix"}


def test_hardware_threads_of_one_core_count_once(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    for cpu in range(4):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    assert local_cores(tmp_path) == 2


def test_cores_without_topology_count_by_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 7})
    assert local_cores(tmp_path) == 2


@pytest.mark.parametrize(
    ("environ", "size", "rank"),
    [
        ({}, None, None),
        ({"PMI_SIZE": "3", "PMI_RANK": "2"}, 3, 2),
        ({"OMPI_COMM_WORLD_SIZE": "6", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"}, 6, 0),
        ({"PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "8"}, 4, 1),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, None, None),
    ],
)
def test_who_started_us(environ, size, rank):
    assert (launched_size(environ), launched_rank(environ)) == (size, rank)


def test_a_launchers_traces_are_removed_and_nothing_else():
    kept = {"PATH": "p", "OMPI_ALLOW_RUN_AS_ROOT": "1", "SLURM_JOB_ID": "5", "MPICC": "c"}
    traces = {
        "PMI_RANK": "0",
        "PMIX_RANK": "0",
        "OMPI_MCA_orte_launch": "1",
        "PRTE_LAUNCHED": "1",
        "MPI_LOCALNRANKS": "2",
        "HYDI_CONTROL_FD": "7",
        "PMI_FD": "9",
    }
    assert without_launcher(kept | traces) == kept


def test_the_package_imports_no_mpi_and_no_simulator():
    code = (
        "import sys, cosim_launch; "
        "print(*{'mpi4py', 'numpy', 'nest', 'tvb', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""
