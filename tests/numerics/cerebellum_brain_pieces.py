"""The shipped scenarios of brains with a cerebellum: where they are, and short runs of them."""

from pathlib import Path

import numpy as np

from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import open_result
from cosim.serial import run_serial

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
BRAIN_76 = CONFIGS / "cerebellum_mean_field.yaml"
BRAIN_126 = CONFIGS / "cerebellum_126.yaml"
CONNECTOME_126 = CONFIGS / "connectomes" / "synthetic_126.zip"

#: What the nuclei send at rest, as the scenarios say in their comments.
REST_76 = {"CbNuc_*": "48.6 Hz"}
REST_126 = dict.fromkeys(("*_Dentate", "*_Interposed", "*_Fastigial"), "54 Hz")


def late_means(path, folder, **overrides):
    """Run a scenario; return the mean over its second half by ``variable[region]``."""
    case, plan = open_case(path, overrides)
    run_serial(case, plan, RunDir.create("brain", folder), Progress(plan.clock, None))
    found = {}
    with open_result(folder) as result:
        for name in result.signals:
            if name.endswith("TemporalAverage"):
                signal = result.signal(name)
                late = signal[len(signal) // 2 :].mean("time")
                found |= dict(zip(late.column.values.tolist(), late.values.tolist(), strict=True))
    return found


def of(means, variable):
    """Return the means of one variable by region."""
    start = f"{variable}["
    return {k[len(start) : -1]: v for k, v in means.items() if k.startswith(start)}


def hz(means, variable):
    """Return the means of a rate that is in kHz, as an array in spikes/s."""
    return 1e3 * np.array(list(of(means, variable).values()))
