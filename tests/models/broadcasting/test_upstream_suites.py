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
NEEDED = ["ddt==1.7.2", "sparse==0.19.3"]

SAMPLER_GRADIENT = "test/gradients/test_sampler_gradient.py::TestSamplerGradient::"
SAMPLER_NETWORK = "test/neural_networks/test_sampler_qnn.py::TestSamplerQNN::"
LINEAR = "linear combinations, whose thousandths the shots of BatchedSampler do not resolve"
DIFFERENCES = "differences of drawn values, which at a distance of 1e-2 or less are all noise"
DRAWN = {
    **{
        f"{SAMPLER_GRADIENT}{name}_2_LinCombSamplerGradient": LINEAR
        for name in (
            "test_gradient_2qubit_gate",
            "test_gradient_efficient_su2",
            "test_gradient_multi_arguments",
            "test_gradient_p",
            "test_gradient_parameter_coefficient",
            "test_gradient_parameters",
            "test_gradient_u",
            "test_single_circuit",
        )
    },
    f"{SAMPLER_GRADIENT}test_spsa_gradient": DIFFERENCES,
    **{
        f"{SAMPLER_NETWORK}test_sampler_qnn_gradient_{number}": DIFFERENCES
        for number in (
            "1__True__0__2_",
            "2__True__1__2_",
            "3__True__2__2_",
            "4__False__0__2_",
            "5__False__1__2_",
            "6__False__2__2_",
        )
    },
    f"{SAMPLER_NETWORK}test_qnn_qc_circuit_construction": (
        "wants two networks that share a sampler to draw the same: its stand-in draws on and on"
    ),
}
"""Tests that want exact probabilities, which BatchedSampler, a sampler of shots, does not give."""

RUNS = {
    "batched": ([*ESTIMATORS, *SAMPLERS], DRAWN, 109),
    "broadcast": ([*ESTIMATORS, *SAMPLERS], {}, 125),
    "broadcast_on_ours": (ESTIMATORS, {}, 58),
}
"""By mode of ``upstream_shim``: suites, tests left out with the reason, and how many must pass.

With this package's own sampler, broadcast gradients are held to theory in test_shift_gradients:
the shots that the suites' tolerance takes would have to be drawn one by one.
"""


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
@pytest.mark.parametrize("mode", RUNS)
def test_the_suites_of_qiskit_machine_learning_pass(suites, mode):
    (root, extra), (files, left_out, least) = suites, RUNS[mode]
    path = os.pathsep.join(map(str, (extra, root, Path(__file__).parent)))
    options = ["-v", "-p", "upstream_shim", "-p", "no:cacheprovider", "-W", "ignore"]
    skipped = [word for name in left_out for word in ("--deselect", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", "pytest.ini", *files, *skipped],
        cwd=root,
        env=os.environ | {"UPSTREAM_MODE": mode, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    counts = {word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", last_line(done.stdout))}
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert counts.get("deselected", 0) == len(left_out), "a test that is left out has another name"
    assert counts["passed"] >= least
    gradient = f"{mode.removesuffix('_on_ours')}_estimator_gradient"
    assert f"::test_gradient_operators_1_{gradient} PASSED" in done.stdout


def last_line(text):
    return text.strip().splitlines()[-1]
