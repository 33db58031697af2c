"""Job scripts, word for word, and what sbatch answers."""

import os
import shlex
import stat
import subprocess
from datetime import timedelta

import pytest

from cosim_launch import (
    Again,
    Family,
    Job,
    LaunchCommand,
    Launcher,
    LaunchError,
    Layout,
    job_script,
    launch_command,
)
from cosim_launch.slurm import slurm_time, submit

SRUN = Launcher(Family.SRUN, "srun", mpi="pmi2")
WIDE = Layout(8, (4,) * 8, nodes=2, cores_per_node=16)
CROWDED = Layout(4, (1,) * 4, cores_per_node=2)


def environment(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "activate").touch()
    return str(folder)


def test_script_for_two_nodes(tmp_path):
    prefix = environment(tmp_path / "my env")
    job = Job(
        "brain",
        WIDE,
        timedelta(hours=26, minutes=5),
        tmp_path,
        "runs/%j.out",
        "gpu",
        "neuro",
        prefix,
    )
    assert job_script(job, launch_command(SRUN, WIDE, ("python", "-m", "cosim", "a b"))) == (
        f"""#!/usr/bin/env bash
#SBATCH --job-name=brain
#SBATCH --nodes=2
#SBATCH --ntasks=8
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=26:05:00
#SBATCH --signal=USR1@60
#SBATCH --output={tmp_path}/runs/%j.out
#SBATCH --partition=gpu
#SBATCH --account=neuro
set -euo pipefail
source '{prefix}/bin/activate'
cd {tmp_path}
exec srun --mpi=pmi2 --nodes=2 --ntasks=8 --cpus-per-task=4 --cpu-bind=cores --kill-on-bad-exit=1 \
--export=ALL,OMP_NUM_THREADS=4,OPENBLAS_NUM_THREADS=1,MKL_NUM_THREADS=1,NUMEXPR_NUM_THREADS=1 \
python -m cosim 'a b'
"""
    )


def test_script_with_too_few_cores_and_a_packaged_open_mpi(tmp_path):
    packaged = Launcher(Family.SRUN, "srun", mpi="pmix", packaged=True)
    job = Job("brain", CROWDED, timedelta(minutes=1), tmp_path, prefix=environment(tmp_path / "v"))
    assert job_script(job, launch_command(packaged, CROWDED, ("cosim",))) == (
        f"""#!/usr/bin/env bash
#SBATCH --job-name=brain
#SBATCH --nodes=1
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --overcommit
#SBATCH --time=00:01:00
#SBATCH --signal=USR1@15
#SBATCH --output={tmp_path}/slurm-%j.out
set -euo pipefail
source {tmp_path}/v/bin/activate
cd {tmp_path}
export PMIX_MCA_psec=native
exec srun --mpi=pmix --nodes=1 --ntasks=4 --cpus-per-task=1 --overcommit --cpu-bind=none \
--kill-on-bad-exit=1 --export=ALL,OMP_NUM_THREADS=1,OMP_WAIT_POLICY=PASSIVE,\
OPENBLAS_NUM_THREADS=1,MKL_NUM_THREADS=1,NUMEXPR_NUM_THREADS=1 cosim
"""
    )


def test_a_python_without_activate_script_is_put_on_the_path(tmp_path):
    job = Job("brain", CROWDED, timedelta(minutes=1), tmp_path, prefix="/opt/python")
    script = job_script(job, launch_command(SRUN, CROWDED, ("cosim",)))
    assert "\nexport PATH=/opt/python/bin:$PATH\n" in script


def test_the_shell_accepts_the_script(tmp_path):
    folder = tmp_path / "it's $HOME"
    job = Job("brain", CROWDED, timedelta(minutes=1), folder, prefix=environment(folder))
    program = ("echo", "`false` $(false)\n\n$$")
    script = job_script(job, launch_command(SRUN, CROWDED, program))
    assert shlex.join(program) in script
    subprocess.run(["bash", "-n"], input=script, text=True, timeout=30, check=True)


def test_a_script_that_has_begun_before_goes_on(tmp_path):
    """The shell itself decides, by a file whose name needs quotes."""
    job = Job("brain", CROWDED, timedelta(minutes=1), tmp_path, prefix=environment(tmp_path / "v"))
    begun = tmp_path / "it's a run" / "request.json"
    again = Again(begun, LaunchCommand(("echo", "goes on")))
    script = job_script(job, LaunchCommand(("echo", "begins")), again)

    def said():
        done = subprocess.run(
            ["bash"], input=script, text=True, capture_output=True, timeout=30, check=True
        )
        return done.stdout.strip()

    assert said() == "begins"
    begun.parent.mkdir()
    begun.touch()
    assert said() == "goes on"


def test_a_line_break_cannot_end_an_option(tmp_path):
    job = Job("one\n#SBATCH --wrap", CROWDED, timedelta(minutes=1), tmp_path)
    with pytest.raises(LaunchError, match="holds a line break"):
        job_script(job, launch_command(SRUN, CROWDED, ("cosim",)))


def test_options_are_quoted_as_slurm_reads_them(tmp_path):
    job = Job("two words", CROWDED, timedelta(minutes=1), tmp_path / "a b", "it's.out")
    script = job_script(job, launch_command(SRUN, CROWDED, ("cosim",)))
    assert "#SBATCH --job-name='two words'\n" in script
    assert f"#SBATCH --output='{tmp_path}/a b/it'\"'\"'s.out'\n" in script


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (timedelta(seconds=90), "00:01:30"),
        (timedelta(days=5), "120:00:00"),
        (timedelta(milliseconds=1), "00:00:01"),
    ],
)
def test_time_limit(limit, text):
    assert slurm_time(limit) == text


def test_no_time_is_refused():
    with pytest.raises(LaunchError, match="expected more than nothing"):
        slurm_time(timedelta(0))


def sbatch(folder, says, code=0):
    path = folder / "sbatch"
    path.write_text(f"#!/bin/sh\n{says}\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("answer", ["echo 17", "echo '17;cluster'"])
def test_submit_returns_the_number(tmp_path, monkeypatch, answer):
    sbatch(tmp_path, answer)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert submit(tmp_path / "job.sh") == 17


def test_a_refusal_is_quoted(tmp_path, monkeypatch):
    sbatch(tmp_path, "echo 'sbatch: error: invalid partition' >&2", code=1)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(LaunchError, match=r"job.sh: sbatch: error: invalid partition"):
        submit(tmp_path / "job.sh")


def test_a_machine_without_slurm_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchError, match="sbatch does not answer"):
        submit(tmp_path / "job.sh")
