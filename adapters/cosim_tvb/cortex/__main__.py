"""Command line of feedback inhibition control."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cosim.errors import CosimError
from cosim_tvb.cortex.balance import RATE_HZ
from cosim_tvb.cortex.scenario import Tuned, rewrite, tune_file


def main() -> int:
    """Tune a scenario; return the exit status."""
    given = _parser().parse_args()
    try:
        rest = dict(_pair(text) for text in given.rest)
        tuned = tune_file(given.scenario, given.model, given.rate, rest)
        if given.write:
            text = given.scenario.read_text(encoding="utf-8")
            given.scenario.write_text(rewrite(text, tuned), encoding="utf-8")
        else:
            sys.stdout.write(f"J_i: {tuned.text(indent=2)}\n")
    except (CosimError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(summary(tuned, given.rate))
    return 0


def summary(tuned: Tuned, rate: float) -> str:
    """Return a line on the result, and a warning if the brain will not stay there."""
    result = tuned.result
    text = (
        f"{len(tuned.labels)} regions of '{tuned.model}' rest at {rate:g} spikes/s, S_e "
        f"{result.S_e.mean():.4f}, with J_i {result.J_i.min():.3f} to {result.J_i.max():.3f}\n"
    )
    if result.growth_per_ms >= 0:
        text += (
            "but the slightest deviation grows, so the brain will leave this state: "
            "lower G or the coupling\n"
        )
    return text


def _pair(text: str) -> tuple[str, str]:
    pattern, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"--rest {text}: expected <label or pattern>=<S_e or rate>")
    return pattern.strip(), value.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cosim_tvb.cortex",
        description="Find the local inhibition J_i under which cortex rests at a low rate.",
    )
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--model", help="entry under 'models'; not needed if there is only one")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="spikes/s")
    parser.add_argument(
        "--rest", action="append", default=[], metavar="PATTERN=VALUE",
        help="what regions of other models send at rest: S_e, or a rate such as '45 Hz'",
    )
    parser.add_argument("--write", action="store_true", help="replace J_i in the scenario")
    return parser


if __name__ == "__main__":
    sys.exit(main())
