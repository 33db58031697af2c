"""The cerebellum as mean fields: models that any user of TVB can import.

::

    from cosim_tvb.cerebellum import CerebellarMeanField
"""

from cosim_tvb.cerebellum.mean_field import (
    CerebellarMeanField,
    CerebellarMeanFieldAwake,
    CerebellarMeanFieldSecondOrder,
    CerebellarMeanFieldSecondOrderAwake,
)
from cosim_tvb.cerebellum.nuclei import CerebellarNuclei
from cosim_tvb.cerebellum.parameters import ParameterSet, parameter_set

__all__ = [
    "CerebellarMeanField",
    "CerebellarMeanFieldAwake",
    "CerebellarMeanFieldSecondOrder",
    "CerebellarMeanFieldSecondOrderAwake",
    "CerebellarNuclei",
    "ParameterSet",
    "parameter_set",
]
