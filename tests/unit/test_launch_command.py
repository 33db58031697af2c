"""The exact command line of every launcher."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim_launch import Family, Launcher, LaunchError, Layout, launch_command

PROGRAM = ("python", "-m", "cosim", "worker", "my scenario.yaml")
MPICH = Launcher(Family.MPICH, "mpirun")
OPEN_MPI_4 = Launcher(Family.OPEN_MPI_4, "mpirun")
OPEN_MPI_5 = Launcher(Family.OPEN_MPI_5, "mpirun")
SRUN = Launcher(Family.SRUN, "srun", mpi="pmi2")

ROOMY = Layout(4, (1, 1, 1, 1), cores_per_node=4)
THREADED = Layout(3, (2, 1, 1), cores_per_node=8)
CROWDED = Layout(4, (2, 1, 1, 1), cores_per_node=2)
WIDE = Layout(8, (2,) * 8, nodes=2, cores_per_node=8)

GOLDEN = {
    "mpich roomy": (
        MPICH,
        ROOMY,
        "mpirun -bind-to core:1 -env OMP_NUM_THREADS 1 -env OPENBLAS_NUM_THREADS 1"
        " -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 4 python -m cosim worker 'my scenario.yaml'",
    ),
    "mpich threaded": (
        MPICH,
        THREADED,
        "mpirun -bind-to core:2 -env OMP_NUM_THREADS 2 -env OPENBLAS_NUM_THREADS 1"
        " -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 1 python -m cosim worker 'my scenario.yaml'"
        " : -env OMP_NUM_THREADS 1 -env OPENBLAS_NUM_THREADS 1"
        " -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 2 python -m cosim worker 'my scenario.yaml'",
    ),
    "mpich crowded": (
        MPICH,
        CROWDED,
        "mpirun -bind-to none -env OMP_NUM_THREADS 2 -env OMP_WAIT_POLICY PASSIVE"
        " -env OPENBLAS_NUM_THREADS 1 -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 1 python -m cosim worker 'my scenario.yaml'"
        " : -env OMP_NUM_THREADS 1 -env OMP_WAIT_POLICY PASSIVE"
        " -env OPENBLAS_NUM_THREADS 1 -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 3 python -m cosim worker 'my scenario.yaml'",
    ),
    "mpich wide": (
        MPICH,
        WIDE,
        "mpirun -ppn 4 -bind-to core:2 -env OMP_NUM_THREADS 2 -env OPENBLAS_NUM_THREADS 1"
        " -env MKL_NUM_THREADS 1 -env NUMEXPR_NUM_THREADS 1"
        " -n 8 python -m cosim worker 'my scenario.yaml'",
    ),
    "open mpi roomy": (
        OPEN_MPI_5,
        ROOMY,
        "mpirun --map-by slot:PE=1 --bind-to core -x OMP_NUM_THREADS=1"
        " -x OPENBLAS_NUM_THREADS=1 -x MKL_NUM_THREADS=1 -x NUMEXPR_NUM_THREADS=1"
        " -n 4 python -m cosim worker 'my scenario.yaml'",
    ),
    "open mpi crowded": (
        OPEN_MPI_4,
        CROWDED,
        "mpirun --map-by slot:OVERSUBSCRIBE --bind-to none"
        " -x OMP_NUM_THREADS=2 -x OMP_WAIT_POLICY=PASSIVE"
        " -x OPENBLAS_NUM_THREADS=1 -x MKL_NUM_THREADS=1 -x NUMEXPR_NUM_THREADS=1"
        " -n 1 python -m cosim worker 'my scenario.yaml'"
        " : -x OMP_NUM_THREADS=1 -x OMP_WAIT_POLICY=PASSIVE"
        " -x OPENBLAS_NUM_THREADS=1 -x MKL_NUM_THREADS=1 -x NUMEXPR_NUM_THREADS=1"
        " -n 3 python -m cosim worker 'my scenario.yaml'",
    ),
    "open mpi wide": (
        OPEN_MPI_4,
        WIDE,
        "mpirun --map-by ppr:4:node:PE=2 --bind-to core -x OMP_NUM_THREADS=2"
        " -x OPENBLAS_NUM_THREADS=1 -x MKL_NUM_THREADS=1 -x NUMEXPR_NUM_THREADS=1"
        " -n 8 python -m cosim worker 'my scenario.yaml'",
    ),
    "srun wide": (
        SRUN,
        WIDE,
        "srun --mpi=pmi2 --nodes=2 --ntasks=8 --cpus-per-task=2 --cpu-bind=cores"
        " --kill-on-bad-exit=1"
        " --export=ALL,OMP_NUM_THREADS=2,OPENBLAS_NUM_THREADS=1,MKL_NUM_THREADS=1,"
        "NUMEXPR_NUM_THREADS=1 python -m cosim worker 'my scenario.yaml'",
    ),
    "srun crowded": (
        SRUN,
        CROWDED,
        "srun --mpi=pmi2 --nodes=1 --ntasks=4 --cpus-per-task=1 --overcommit --cpu-bind=none"
        " --kill-on-bad-exit=1"
        " --export=ALL,OMP_NUM_THREADS=2,OMP_WAIT_POLICY=PASSIVE,OPENBLAS_NUM_THREADS=1,"
        "MKL_NUM_THREADS=1,NUMEXPR_NUM_THREADS=1 python -m cosim worker 'my scenario.yaml'",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_command_line(name):
    launcher, layout, expected = GOLDEN[name]
    assert launch_command(launcher, layout, PROGRAM).text() == expected


def test_both_open_mpi_generations_speak_one_language():
    four, five = (launch_command(m, THREADED, PROGRAM) for m in (OPEN_MPI_4, OPEN_MPI_5))
    assert four == five


@pytest.mark.parametrize("family", [Family.OPEN_MPI_4, Family.OPEN_MPI_5])
def test_root_must_be_allowed_under_open_mpi(family):
    command = launch_command(Launcher(family, "mpirun", as_root=True), ROOMY, PROGRAM)
    assert command.env == {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    assert command.text().startswith(
        "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun "
    )


def test_nothing_is_added_for_other_users_and_other_launchers():
    for launcher in (OPEN_MPI_5, Launcher(Family.MPICH, "mpirun", as_root=True), SRUN):
        assert launch_command(launcher, ROOMY, PROGRAM).env == {}


def test_a_packaged_open_mpi_speaks_the_native_scheme_to_slurm():
    packaged = Launcher(Family.SRUN, "srun", mpi="pmix", packaged=True)
    assert launch_command(packaged, ROOMY, PROGRAM).env == {"PMIX_MCA_psec": "native"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((2, (1,)), "threads are given for 1 ranks; expected 2"),
        ((0, ()), "holds 0"),
        ((2, (1, 0)), "holds 0"),
        ((2, (1, 1), 3), "2 ranks cannot occupy 3 nodes"),
        ((2, (1, 1), 1, 0), "holds 0"),
    ],
)
def test_impossible_layouts_are_refused(fields, message):
    with pytest.raises(LaunchError, match=message):
        Layout(*fields)


LAYOUTS = st.builds(
    lambda threads, nodes, cores: Layout(
        len(threads), tuple(threads), min(nodes, len(threads)), cores
    ),
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 16),
)


@given(LAYOUTS, st.sampled_from([MPICH, OPEN_MPI_4, OPEN_MPI_5, SRUN]))
def test_the_text_means_the_tokens(layout, launcher):
    command = launch_command(launcher, layout, PROGRAM)
    assert tuple(shlex.split(command.text())) == command.argv


@given(LAYOUTS, st.sampled_from([MPICH, OPEN_MPI_4, OPEN_MPI_5]))
def test_every_rank_is_started_once_with_its_threads(layout, launcher):
    argv = launch_command(launcher, layout, PROGRAM).argv
    counts = [int(argv[i + 1]) for i, token in enumerate(argv) if token == "-n"]
    text = " ".join(argv).replace("OMP_NUM_THREADS=", "OMP_NUM_THREADS ").split()
    threads = [int(text[i + 1]) for i, token in enumerate(text) if token == "OMP_NUM_THREADS"]
    started = [t for n, t in zip(counts, threads, strict=True) for _ in range(n)]
    assert tuple(started) == layout.threads_per_rank


@given(LAYOUTS)
def test_pinned_ranks_never_share_a_core(layout):
    if layout.pinned:
        assert not layout.oversubscribed
        assert layout.ranks_per_node * max(layout.threads_per_rank) <= layout.cores_per_node
    assert layout.ranks_per_node * layout.nodes >= layout.ranks
