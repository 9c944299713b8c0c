"""qiskit-machine-learning's own tests of gradients and networks, on this package's parts.

Its source distribution, which holds them, is fetched for the version that is installed.
"""

import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

ESTIMATORS = [
    "test/gradients/test_estimator_gradient.py",
    "test/neural_networks/test_estimator_qnn.py",
]
SAMPLERS = [
    "test/gradients/test_sampler_gradient.py",
    "test/neural_networks/test_sampler_qnn.py",
]
NEEDED = ["ddt==1.7.2"]

LEAST = 125
MODES = ("batched", "broadcast", "broadcast_on_ours")
"""Those of ``upstream_shim``; no test is left out."""


def pip(*arguments):
    """Run pip, or say in a sentence what could not be had."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-deps"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.fail(
            f"pip {' '.join(arguments)} failed, so that the tests of qiskit-machine-learning "
            f"cannot be run: {done.stderr.strip()[-400:]}",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def suites(tmp_path_factory):
    """Return a folder with the tests of the installed version, and one with what they import."""
    folder, extra = tmp_path_factory.mktemp("suites"), tmp_path_factory.mktemp("extra")
    name = "qiskit-machine-learning"
    wanted = f"{name}=={version(name)}"
    pip("download", "--no-binary", name, "--dest", str(folder), wanted)
    pip("install", "--target", str(extra), *NEEDED)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        tests = [one for one in opened.getmembers() if one.name.split("/")[1:2] == ["test"]]
        opened.extractall(folder, members=tests, filter="data")
    (root,) = (one for one in folder.iterdir() if one.is_dir())
    (root / "pytest.ini").write_text("[pytest]\n")
    return root, extra


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_suites_of_qiskit_machine_learning_pass(suites, mode):
    root, extra = suites
    path = os.pathsep.join(map(str, (extra, root, Path(__file__).parent)))
    options = ["-v", "-p", "upstream_shim", "-p", "no:cacheprovider", "-W", "ignore"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", "pytest.ini", *ESTIMATORS, *SAMPLERS],
        cwd=root,
        env=os.environ | {"UPSTREAM_MODE": mode, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    counts = {word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", last_line(done.stdout))}
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert counts["passed"] >= LEAST
    gradient = f"{mode.removesuffix('_on_ours')}_estimator_gradient"
    assert f"::test_gradient_operators_1_{gradient} PASSED" in done.stdout


def last_line(text):
    return text.strip().splitlines()[-1]
