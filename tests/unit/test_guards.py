"""The repository-wide guards do bite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARDS = Path(__file__).parents[1] / "conftest.py"


def outcome(folder, body, **environ):
    (folder / "conftest.py").write_text(
        GUARDS.read_text().replace("GRACE_S = 3.0", "GRACE_S = 0.3")
    )
    (folder / "test_it.py").write_text("import os, subprocess, threading, time, pytest\n" + body)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "test_it.py",
        ],
        cwd=folder,
        env=os.environ | {"COSIM_CI": "0"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_clean_tests_pass(tmp_path):
    body = "def test():\n    subprocess.run(['true'], check=True)\n"
    assert outcome(tmp_path, body)[0] == 0


@pytest.mark.parametrize(
    ("act", "named"),
    [
        ("subprocess.Popen(['sleep', '97'])", "sleep 97"),
        ("os.fork() or (time.sleep(2), os._exit(0))", "test_it.py"),
        ("subprocess.run(['sh', '-c', 'setsid sleep 98 & true'])", "sleep 98"),
        (
            "threading.Thread(target=time.sleep, args=(2,), name='late', daemon=True).start()",
            "thread late",
        ),
    ],
)
def test_what_outlives_its_test_is_named(tmp_path, act, named):
    code, printed = outcome(tmp_path, f"def test():\n    {act}\n")
    assert code == 1
    assert "outlived the test" in printed
    assert named in printed


@pytest.mark.parametrize(
    "body",
    [
        "def test():\n    pytest.importorskip('no_such_package')\n",
        "pytest.importorskip('no_such_package')\ndef test():\n    pass\n",
    ],
)
def test_integration_runs_refuse_skips(tmp_path, body):
    assert outcome(tmp_path, body)[0] in (0, 5)
    code, printed = outcome(tmp_path, body, COSIM_CI="1")
    assert code in (1, 2)
    assert "allows no skip" in printed
    assert "no_such_package" in printed


@pytest.mark.parametrize(
    "body",
    [
        "def test():\n    pytest.skip('optional: no cluster')\n",
        "@pytest.mark.xfail\ndef test():\n    assert False\n",
    ],
)
def test_optional_skips_and_expected_failures_stay(tmp_path, body):
    assert outcome(tmp_path, body, COSIM_CI="1")[0] == 0
