"""Draw a finished run in the size of a web page: draw_picture.py SCENARIO RUN_FOLDER FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from cosim.cli.running import neighbours
from cosim.plan.build import open_case
from cosim.plotting import draw
from cosim.results import open_result


def main(scenario: str, run: str, file: str) -> None:
    """Draw it, with the regions in colour that the scenario's connectome names."""
    case, plan = open_case(Path(scenario))
    with open_result(run) as result:
        draw(result, file, neighbours(case, plan), dpi=115)


if __name__ == "__main__":
    main(*sys.argv[1:])
