"""Commands, options, exit codes. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cosim.cli.arguments import (
    AllowCode,
    Check,
    Duration,
    MaxWall,
    NewRunFolder,
    Picture,
    Place,
    Quiet,
    Ranks,
    RunFolder,
    ScenarioFile,
    Seed,
    Serial,
    WaitLimit,
    Window,
    overrides_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosim.cli.running import Request

app = typer.Typer(
    name="cosim", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="One brain on several simulators: spiking regions in NEST, the rest in TVB.",
)

def _allow(code: Path | None) -> None:
    """Run the file that the user allows, before anything is read that may name its parts."""
    if code is not None:
        from cosim.own_code import allow

        allow(code)


@app.command()
def check(scenario: ScenarioFile, allow_code: AllowCode = None) -> None:
    """Look for everything wrong with a scenario, without running it."""
    from cosim.cli.checking import checked
    from cosim.scenario.load import remarks

    _allow(allow_code)
    case, plan = checked(scenario, {}, None)
    for cut in plan.cuts:
        typer.echo(
            f"warning: {cut.edges} edges {cut.source} -> {cut.target} have no interface and are cut"
        )
    for remark in remarks(case):
        typer.echo(f"note: {remark}")
    typer.echo(
        f"{scenario}: good; {len(case.brain.labels)} regions, {len(plan.simulators)} simulators, "
        f"{len(plan.transformers)} transformers, {plan.ranks} ranks"
    )


@app.command()
def plan(
    scenario: ScenarioFile, ranks: Ranks = None, window: Window = None, duration: Duration = None,
    placement: Place = None, as_json: Annotated[bool, typer.Option("--json")] = False,
    allow_code: AllowCode = None,
    costs: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--costs", help="What calibrate wrote; default: that in the user's cache."),
    ] = None,
    machine: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--machine", help="A machine to predict for, a JSON file."),
    ] = None,
) -> None:
    """Show who runs where, what crosses the borders, how long it takes, the launch command."""
    from cosim.cli.checking import checked
    from cosim.cli.forecast import show_forecast
    from cosim.cli.plan_view import show_plan

    _allow(allow_code)
    overrides = overrides_of(window, duration, None, placement)
    case, planned = checked(scenario, overrides, ranks)
    if as_json:
        typer.echo(planned.as_json())
    else:
        show_plan(case, planned, scenario)
        show_forecast(case, planned, scenario, overrides, costs, machine)


@app.command()
def run(
    scenario: ScenarioFile,
    serial: Serial = False,
    ranks: Ranks = None,
    run_dir: NewRunFolder = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")
    ] = False,
    window: Window = None,
    duration: Duration = None,
    seed: Seed = None,
    placement: Place = None,
    picture: Picture = True,
    quiet: Quiet = False,
    max_wall: MaxWall = None,
    wait_limit: WaitLimit = None,
    allow_code: AllowCode = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the launch command and stop.")
    ] = False,
) -> None:
    """Run a scenario: under mpirun as a rank, or starting mpirun itself, or serially."""

    def request() -> Request:
        from cosim.cli.options import wait_s, wall_s
        from cosim.cli.running import Request

        _allow(allow_code)
        overrides = overrides_of(window, duration, seed, placement)
        return Request(
            scenario, overrides, ranks, run_dir, overwrite, picture, quiet,
            max_wall_s=wall_s(max_wall), wait_limit_s=wait_s(wait_limit),
        )

    raise typer.Exit(_carry_out(request, serial=serial, dry_run=dry_run))


@app.command()
def resume(
    run_dir: RunFolder,
    duration: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--duration", help="A later end than the run had, such as '20 s'."),
    ] = None,
    serial: Serial = False,
    ranks: Ranks = None,
    picture: Picture = True,
    quiet: Quiet = False,
    max_wall: MaxWall = None,
    wait_limit: WaitLimit = None,
    allow_code: AllowCode = None,
) -> None:
    """Go on with a run that ended early, or beyond its end, to what it would have been."""

    def request() -> Request:
        from cosim.cli.resuming import request_of

        _allow(allow_code)
        return request_of(
            run_dir, duration=duration, ranks=ranks, picture=picture, quiet=quiet,
            max_wall=max_wall, wait_limit=wait_limit,
        )

    raise typer.Exit(_carry_out(request, serial=serial, dry_run=False))


@app.command()
def stop(
    run_dir: RunFolder,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Ask, and do not wait.")] = False,
) -> None:
    """End a run at its next window, from any machine that sees its folder; it can be resumed."""
    from cosim.cli.stopping import stop as end

    raise typer.Exit(end(run_dir, wait=not no_wait))


@app.command()
def replay(
    run_dir: RunFolder,
    only: Annotated[str, typer.Option("--only", help="Name of the simulator.")],
    scenario: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--scenario", help="A changed scenario to try; default: that of the run."),
    ] = None,
    to: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--to", help="Folder for what is recorded; default: one in the run's."),
    ] = None,
    quiet: Quiet = False,
    allow_code: AllowCode = None,
) -> None:
    """Run one simulator of a run again alone, fed with what it received then."""
    from cosim.cli.replaying import replay as again

    _allow(allow_code)
    raise typer.Exit(again(run_dir, only, scenario=scenario, to=to, quiet=quiet))


@app.command()
def calibrate(
    scenario: ScenarioFile,
    to: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--to", help="File for the costs; default: one in the user's cache."),
    ] = None,
    duration: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--duration", help="Biological time of each run; default: a short one."),
    ] = None,
    allow_code: AllowCode = None,
) -> None:
    """Measure what a scenario costs on this machine, so that plan can say how long it takes."""
    from cosim.cli.calibrating import calibrate as measure

    _allow(allow_code)
    raise typer.Exit(measure(scenario, to, duration))


@app.command()
def profile(
    run_dir: RunFolder,
    trace: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--trace", help="File for a trace that Perfetto and Chrome show."),
    ] = None,
    since: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from", help="The picture shows each window from here: '120 ms'."),
    ] = None,
    until: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--to", help="The picture shows each window up to here."),
    ] = None,
    picture: Annotated[bool, typer.Option(help="Draw timeline.png in the run's folder.")] = True,
) -> None:
    """Show where the wall-clock time of a run went, and what holds it back."""
    from cosim.cli.profiling import profile as account

    raise typer.Exit(account(run_dir, trace=trace, since=since, until=until, picture=picture))


@app.command()
def verify(
    scenario: ScenarioFile,
    duration: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--duration", help="Biological time of each run; default: a short one."),
    ] = None,
    only: Annotated[
        Optional[list[Check]],  # noqa: UP045
        typer.Option("--only", help="Only this check; may be given several times."),
    ] = None,
    keep: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--keep", help="Folder in which the runs stay."),
    ] = None,
    allow_code: AllowCode = None,
) -> None:
    """Prove that the answer depends neither on windows nor on ranks, placement or cuts."""
    from cosim.cli.verifying import verify as prove

    _allow(allow_code)
    raise typer.Exit(prove(scenario, duration, keep, [check.value for check in only or Check]))


def _carry_out(ask: Callable[[], Request], *, serial: bool, dry_run: bool) -> int:
    from cosim.account import ACCOUNT
    from cosim.sentinel import Sentinel
    from cosim_launch.environment import launched_size

    under_mpi = not serial and launched_size(os.environ) is not None
    # The sentinel is forked before the large imports, so that it stays small.
    sentinel = Sentinel.start() if under_mpi else None
    ACCOUNT.launched(os.environ)
    ACCOUNT.stage("imports")
    try:
        request = ask()
        if sentinel is not None:
            from cosim.cli.worker import work

            return work(request, sentinel)
    finally:
        # An exception speaks for itself.
        if sentinel is not None:
            sentinel.release()
    if serial:
        from cosim.cli.serial import run_here

        return run_here(request)
    from cosim.cli.launching import launch_and_wait

    return launch_and_wait(request, dry_run=dry_run)


@app.command()
def schema(
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="File to write; default: standard output."),
    ] = None,
) -> None:
    """Write the JSON Schema of scenarios, with which editors complete and check them."""
    from cosim.scenario.schema import scenario_schema

    text = scenario_schema()
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


@app.command("build-models")
def build_models(
    force: Annotated[bool, typer.Option("--force", help="Compile even if it is done.")] = False,
) -> None:
    """Compile the neuron models that this project brings, once for this machine."""
    from cosim.simulator import engines

    for name in sorted(engines()):
        for line in engines()[name].build_models(force=force):
            typer.echo(f"{name}: {line}")


@app.command()
def doctor() -> None:
    """Try MPI, NEST, TVB and HDF5 on this machine, and say what to do about what fails."""
    from cosim.cli.doctor import doctor as examine

    raise typer.Exit(examine())


@app.command()
def launch(
    scenario: ScenarioFile,
    on: Annotated[str, typer.Option("--on", help="Where: slurm.")] = "slurm",
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Number of nodes.")] = 1,
    cores_per_node: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--cores-per-node", min=1, help="Cores of a node; default: this machine's."),
    ] = None,
    time: Annotated[str, typer.Option("--time", help="Limit, hours:minutes:seconds.")] = "1:00:00",
    partition: Annotated[str, typer.Option("--partition", help="Queue.")] = "",
    account: Annotated[str, typer.Option("--account", help="Whom to charge.")] = "",
    ranks: Ranks = None,
    run_dir: NewRunFolder = None,
    wait_limit: WaitLimit = None,
    allow_code: AllowCode = None,
    submit: Annotated[bool, typer.Option("--submit", help="Hand the script to sbatch.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the script and write nothing.")
    ] = False,
) -> None:
    """Write a job script for a cluster, and submit it if asked."""
    from cosim.cli.jobs import JobRequest, make_job
    from cosim.cli.options import wait_s

    _allow(allow_code)
    request = JobRequest(
        scenario, on, nodes, cores_per_node, time, partition, account, ranks, run_dir,
        wait_s(wait_limit),
    )
    raise typer.Exit(make_job(request, submit=submit, dry_run=dry_run))


def main() -> None:
    """Run the command line; exit code 2 for the user's mistakes, 1 for failures."""
    from cosim.errors import CosimError, ScenarioInvalid, UsageError

    try:
        app()
    except ScenarioInvalid as error:
        typer.echo("\n".join(error.lines), err=True)
        count = len(error.lines)
        typer.echo(f"{count} problem{'s' if count > 1 else ''}; nothing was run", err=True)
        sys.exit(2)
    except UsageError as error:
        typer.echo(f"cosim: {error}", err=True)
        sys.exit(2)
    except CosimError as error:
        typer.echo(f"cosim: {error}", err=True)
        sys.exit(1)
