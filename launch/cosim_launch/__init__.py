"""Launch commands and SLURM job scripts as values; imports no MPI."""

from cosim_launch.command import LaunchCommand, Layout, launch_command
from cosim_launch.detect import available_launchers, find_mpirun, local_cores
from cosim_launch.environment import launched_rank, launched_size, without_launcher
from cosim_launch.launcher import Family, Launcher, LaunchError
from cosim_launch.slurm import Again, Job, job_script, submit

__all__ = [
    "Again",
    "Family",
    "Job",
    "LaunchCommand",
    "LaunchError",
    "Launcher",
    "Layout",
    "available_launchers",
    "find_mpirun",
    "job_script",
    "launch_command",
    "launched_rank",
    "launched_size",
    "local_cores",
    "submit",
    "without_launcher",
]
