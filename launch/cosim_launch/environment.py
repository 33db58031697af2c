"""What the environment says about the launcher that started this process."""

from __future__ import annotations

from collections.abc import Mapping

MANAGED = ("PMI_", "PMIX_", "PMI2_", "HYDI_", "MPI_LOCAL", "OMPI_", "OPAL_", "PRTE_", "ORTE_")
KEPT = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")


def launched_size(environ: Mapping[str, str]) -> int | None:
    """Return the number of ranks this process was started with, or None outside a launcher.

    Known before MPI is initialised, so a serial command need not load MPI at all.
    """
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        if name in environ:
            return int(environ[name])
    # SLURM_* alone is also set in the batch script, which is no rank.
    if "PMIX_RANK" in environ and "SLURM_STEP_NUM_TASKS" in environ:
        return int(environ["SLURM_STEP_NUM_TASKS"])
    return None


def launched_rank(environ: Mapping[str, str]) -> int | None:
    """Return the rank of this process in the world it was started in, or None outside one."""
    for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"):
        if name in environ:
            return int(environ[name])
    return None


def without_launcher(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without a launcher's traces, for starting an independent job.

    Open MPI 4 refuses to start inside another of its jobs unless these are gone.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in KEPT or not name.startswith(MANAGED)
    }
