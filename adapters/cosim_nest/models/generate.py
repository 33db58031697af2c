"""Lets NESTML write the C++ of a model: ``python -m cosim_nest.models.generate``.

NESTML keeps its state and its log in module variables and raises the recursion limit, so it has
a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

_RECURSION_LIMIT = 10_000


def generate(source: Path, target: Path, module: str, nest_version: str) -> None:
    """Write the C++ of a model and of the module that brings it into NEST.

    NESTML's own entry point would also run CMake, and would ask ``nest-config``, which in a NEST
    from a wheel names folders that do not exist.

    Parameters
    ----------
    source
        The NESTML text.
    target
        Folder for the C++.
    module
        Name of the module.
    nest_version
        Version of NEST, without which NESTML would start NEST to ask.

    Raises
    ------
    ValueError
        If the text is wrong.
    """
    from pynestml.cocos.co_cos_manager import CoCosManager
    from pynestml.frontend import pynestml_frontend as frontend
    from pynestml.utils.logger import Logger

    sys.setrecursionlimit(_RECURSION_LIMIT)
    frontend.configure_front_end(
        str(source), "NEST", target_path=str(target), module_name=module, logging_level="ERROR"
    )
    transformers, _ = frontend.transformers_from_target_name("NEST", options={})
    generator = frontend.code_generator_from_target_name(
        "NEST", options={"nest_version": f"v{nest_version}"}
    )
    models = frontend.get_parsed_models()
    for model in models:
        CoCosManager.check_cocos(model)
    if not models or any(Logger.has_errors(model) for model in models):
        raise ValueError(f"NESTML refuses {source}")
    changed, metadata = frontend.transform_models(transformers, models)
    frontend.generate_code(generator, changed, metadata)


if __name__ == "__main__":
    try:
        generate(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    except ValueError as wrong:
        sys.exit(str(wrong))
