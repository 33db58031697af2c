"""Faults one after another in all roles: a short course of what `many_faults.py` does at length."""

import random

import faults
import pytest
import toy_cases


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toy_cases.installed():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return faults.reference(tmp_path_factory.mktemp("whole"))


def test_a_run_survives_one_fault_after_another_and_ends_in_the_same_bits(tmp_path, whole):
    dice = random.Random(4)
    course = faults.Course(tmp_path, whole)
    roles = list(faults.ROLES)
    dice.shuffle(roles)
    for kind, role in zip(("kill", "raise", "stop", "full"), roles, strict=True):
        told = course.strike(faults.drawn(dice, (kind,), (role,)))
        # One that is stopped has to be missed first.
        assert kind == "stop" or told.end_s < faults.SOON_S, told
    course.strike(faults.drawn(dice, ("delay",)))
    assert course.over()
