import math

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.signal import cheby1, freqs

from qnlr.data.qdataset_example import full_example
from qnlr.data.qdataset_generator import distort, draw_pulses, generate
from qnlr.data.qdataset_noise import draw_noise, spectrum
from qnlr.data.qdataset_system import Grid, System, array_shapes, parse_system
from qnlr.errors import InputError

PUBLISHED = [
    *("X", "X_Z_N1", "X_Z_N2", "X_Z_N3", "X_Z_N4"),
    *("XY", "XY_XZ_N1N5", "XY_XZ_N1N6", "XY_XZ_N3N6"),
]
NAMES = [f"{shape}_1q_{rest}{end}" for shape in "GS" for rest in PUBLISHED for end in ("", "_D")]
X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
AXIS = {"X": X, "Y": Y, "Z": Z}
RHO = [(np.eye(2) + sign * pauli) / 2 for pauli in (X, Y, Z) for sign in (1, -1)]


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(profile, examples=100, hermitian=False, **grid):
    return draw_noise([profile], rng(), examples, Grid(**grid), hermitian)[..., 0]


@pytest.mark.parametrize("name", NAMES)
def test_every_published_one_qubit_name_is_read_and_written(name):
    assert parse_system(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("G_1q_Y", 'system "G_1q_Y" is not known'),
        ("G_2q_IX-XI_IZ-ZI_N1-N6", "one-qubit system"),
        ("G_1q_X_Z", "is not known"),
        ("G_1q_X_Z_N7", "is not known"),
        ("../G_1q_X", "is not known"),
        ("G_1q_X\n", "is not known"),
        ("G_1q_X_Z_N1N2", "one noise profile for each of the axes Z, and names 2"),
        ("G_1q_XY_XZ_N1", "one noise profile for each of the axes XZ, and names 1"),
        ("G_1q_X_Z_N6", "N6 follows"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        parse_system(name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 4}, "steps = 4"),
        ({"steps": 30}, "steps = 30 .* multiple of 4"),
        ({"realisations": 0}, "realisations = 0"),
        ({"duration": 0.0}, "duration = 0.0"),
    ],
)
def test_a_bad_grid_is_named(settings, message):
    with pytest.raises(InputError, match=message):
        Grid(**settings)


def by_matrix_exponentials(example, system, grid):
    """Follow the published equations with matrices, step by step, realisation by realisation."""
    dt, static = grid.step, 0.5 * 12 * Z
    drive = [0.5 * AXIS[axis] for axis in system.controls]
    disturb = [0.5 * AXIS[axis] for axis in system.noise_axes]
    fields = example["distorted_pulses"][0, :, 0].astype(float)
    h0 = [static + sum(f * op for f, op in zip(row, drive, strict=True)) for row in fields]
    u0 = [np.eye(2)]
    for matrix in h0:
        u0.append(expm(-1j * dt * matrix) @ u0[-1])
    outcomes, vo, ui, last = [], [], [], u0[-1]
    for k in range(grid.realisations):
        inner = np.eye(2)
        for j, beta in enumerate(example["noise"][0, :, k].astype(float)):
            h1 = sum(b * op for b, op in zip(beta, disturb, strict=True))
            inner = expm(-1j * dt * (u0[j + 1].conj().T @ h1 @ u0[j + 1])) @ inner
        away = last @ inner @ last.conj().T
        vo.append([op @ away.conj().T @ op @ away for op in (X, Y, Z)])
        ui.append(inner)
        final = [last @ rho @ last.conj().T for rho in RHO]
        pairs = [(v, rho, op) for rho in final for v, op in zip(vo[-1], (X, Y, Z), strict=True)]
        outcomes.append([np.trace(v @ rho @ op).real for v, rho, op in pairs])
    return np.array(h0), np.array(u0[1:]), np.array(ui), np.array(vo), np.array(outcomes)


@pytest.mark.parametrize(
    "name",
    ["G_1q_X", "S_1q_XY", "G_1q_X_Z_N1", "S_1q_X_Z_N3_D", "G_1q_XY_XZ_N1N6", "S_1q_XY_XZ_N3N6_D"],
)
def test_an_example_obeys_the_published_equations(name):
    grid, system = Grid(16, 3), parse_system(name)
    example = full_example(name, rng(1), grid)
    h0, u0, ui, vo, outcomes = by_matrix_exponentials(example, system, grid)
    close = lambda got, expected: np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5)
    close(example["H0"][0, :, 0], h0)
    close(example["U0"][0, :, 0], u0)
    close(example["UI"][0], ui)
    for axis in range(3):
        close(example["Vo"][axis][0], vo[:, axis])
        close(example["Vo_operator"][axis][0], vo[:, axis].mean(axis=0))
    close(example["Eo"][0], outcomes)
    close(example["expectations"][0], outcomes.mean(axis=0))
    h1 = sum(
        0.5 * example["noise"][0, :, :, index, None, None] * AXIS[axis]
        for index, axis in enumerate(system.noise_axes)
    )
    close(example["H1"][0], h1)


@pytest.mark.parametrize("name", ["G_1q_X", "S_1q_XY_D", "G_1q_X_Z_N2", "G_1q_XY_XZ_N1N5"])
def test_an_example_has_the_published_keys_types_and_shapes(name):
    example = full_example(name, rng(), Grid(16, 5))
    shapes = array_shapes(parse_system(name), 16, 5)
    assert example.keys() == shapes.keys() | {"time_range", "sim_parameters"}
    for key, (dtype, shape) in shapes.items():
        arrays = example[key] if key.startswith("Vo") else [example[key]]
        assert len(arrays) == (3 if key.startswith("Vo") else 1)
        assert all(array.dtype == dtype and array.shape == shape for array in arrays)
    assert example["time_range"] == pytest.approx([(j + 0.5) / 16 for j in range(16)])
    assert example["sim_parameters"]["name"] == name.removesuffix("_D")


@pytest.mark.parametrize("name", ["G_1q_X", "G_1q_XY_XZ_N1N6", "S_1q_X_Z_N4_D"])
def test_many_examples_are_the_full_ones(name):
    grid = Grid(32, 4)
    one, full = generate(name, rng(3), 1, grid), full_example(name, rng(3), grid)
    np.testing.assert_allclose(one.expectations, full["expectations"], atol=1e-6)
    np.testing.assert_allclose(one.pulses, full["pulses"][:, :, 0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(one.parameters, full["pulse_parameters"], rtol=1e-6)


def test_evolutions_are_unitary():
    example = full_example("G_1q_XY_XZ_N1N5", rng(), Grid(64, 6))
    for key in ("U0", "UI"):
        matrices = example[key].astype(complex)
        unit = matrices.conj().swapaxes(-1, -2) @ matrices
        np.testing.assert_allclose(unit, np.broadcast_to(np.eye(2), unit.shape), atol=1e-6)


@pytest.mark.parametrize("name", ["G_1q_X", "S_1q_XY_D"])
def test_without_noise_bloch_vectors_are_a_rotation(name):
    values = generate(name, rng(), 50, Grid(64)).expectations.reshape(50, 6, 3)[:, ::2]
    unit = values @ values.swapaxes(1, 2)
    np.testing.assert_allclose(unit, np.broadcast_to(np.eye(3), unit.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(values), 1, atol=1e-12)


@pytest.mark.parametrize("name", ["G_1q_X_Z_N1", "G_1q_XY_XZ_N1N6"])
def test_the_channel_is_unital_and_shrinks_bloch_vectors(name):
    values = generate(name, rng(), 100, Grid(64, 8)).expectations.reshape(100, 3, 2, 3)
    np.testing.assert_allclose(values[:, :, 0], -values[:, :, 1], atol=1e-12)
    lengths = np.linalg.norm(values[:, :, 0], axis=-1)
    assert lengths.max() <= 1 + 1e-12
    assert lengths.mean() < 0.97


@pytest.mark.parametrize("shape", ["G", "S"])
def test_pulses_lie_in_their_windows(shape):
    grid = Grid(512)
    parameters, pulses = draw_pulses(System(shape, "XY"), rng(), 200, grid)
    assert parameters.shape == (200, 5, 6)
    for axis in range(2):
        height, place, width = np.moveaxis(parameters[..., 3 * axis : 3 * axis + 3], -1, 0)
        assert abs(height).max() <= 100
        gaps = np.diff(place, axis=1) - 0.1
        assert gaps.min() >= 0.05
        assert gaps.max() <= 1 / 12
        assert place[:, 0].min() >= 0.1
        assert place[:, -1].max() <= 0.45 + 5 / 12
        np.testing.assert_allclose(width, 0.1 if shape == "S" else 0.1 / 6)
        away = abs(grid.times[:, None] - place[:, None])
        outside = (away > 0.05 + 1e-9).all(axis=2)
        peak = 0 if shape == "S" else 100 * math.exp(-4.5) * 1.2
        assert abs(pulses[..., axis][outside]).max() <= peak
        nearest = np.take_along_axis(height, away.argmin(axis=2), axis=1)
        expected = (
            nearest if shape == "S" else nearest * np.exp(-18 * (away.min(axis=2) / 0.1) ** 2)
        )
        inside = (away < 0.03).any(axis=2)
        np.testing.assert_allclose(pulses[..., axis][inside], expected[inside], atol=1.0)
    assert not np.allclose(pulses[..., 0], pulses[..., 1])


def test_amplitudes_and_positions_are_uniform():
    parameters, _ = draw_pulses(System("G", "X"), rng(), 4000, Grid(8))
    heights, first = parameters[..., 0].ravel(), parameters[:, 0, 1] - 0.05
    assert abs(heights.mean()) < 5 * 100 / math.sqrt(3 * len(heights))
    assert heights.var() == pytest.approx(100**2 / 3, rel=0.05)
    assert first.mean() == pytest.approx((0.05 + 1 / 12) / 2, abs=5 * 0.0097 / math.sqrt(4000))


def test_distortion_is_the_response_to_each_frequency():
    grid = Grid(256)
    _, response = freqs(
        *cheby1(4, 0.1, 2 * np.pi * 20, analog=True), worN=2 * np.pi * np.arange(65)
    )
    for k in (0, 3, 15, 64):
        wave = np.exp(2j * np.pi * k * grid.times)
        expected = (response[k] * wave).real
        np.testing.assert_allclose(
            distort(wave.real[None, :, None], grid)[0, :, 0], expected, atol=1e-12
        )
    assert abs(response[15]) > 0.98
    assert abs(response[64]) < 0.01


def test_distorted_pulses_act_and_others_are_kept():
    made = generate("G_1q_X_D", rng(), 3, Grid(128))
    assert not np.allclose(made.pulses, made.distorted_pulses)
    plain = generate("G_1q_X", rng(), 3, Grid(128))
    np.testing.assert_array_equal(plain.pulses, made.pulses)
    np.testing.assert_array_equal(plain.pulses, plain.distorted_pulses)
    assert not np.allclose(plain.expectations, made.expectations)


STRENGTHS = {1: 6.375, 2: 1.6, 3: 3.2 / math.sqrt(3), 4: 2.56 * math.sqrt(3 / 5), 5: 2.61}


@pytest.mark.parametrize("profile", list(STRENGTHS))
def test_noise_has_the_published_strength(profile):
    values = noise(profile, examples=60, steps=1024, realisations=50)
    error = 0.08 if profile == 4 else 0.03  # five standard errors or more, see the correlations
    assert math.sqrt((values**2).mean()) == pytest.approx(STRENGTHS[profile], rel=error)


def test_profile_6_is_the_square_of_the_noise_before():
    both = draw_noise([1, 6], rng(), 20, Grid(1024, 20), False)
    np.testing.assert_allclose(both[..., 1], 0.3 * both[..., 0] ** 2)
    fourth = 3 * 6.375**4 * 3 / 2  # of a Gaussian of variance 2 cos² · 6.375², over time
    assert math.sqrt((both[..., 1] ** 2).mean()) == pytest.approx(0.3 * math.sqrt(fourth), rel=0.05)


def assert_std(values, expected):
    """Within five standard errors of a variance, of Gaussian or flatter values."""
    found = values.var(axis=(0, 2))
    error = expected**2 * math.sqrt(2 / (values.shape[0] * values.shape[2]))
    assert (abs(found - expected**2) <= 5 * error + 1e-20).all()


@pytest.mark.parametrize("profile", [1, 5])
@pytest.mark.parametrize("steps", [256, 1024])
def test_published_spectral_noise_is_still_in_the_middle(profile, steps):
    grid = Grid(steps, 20)
    values = noise(profile, steps=steps, realisations=20)
    c = math.sqrt(spectrum(profile, grid).sum() / 2)
    if (profile, steps) == (1, 1024):
        assert c == pytest.approx(4.508, abs=0.001)
    assert_std(values, c * abs(2 * np.cos(np.pi * np.arange(steps) / steps)))
    assert abs(values[:, steps // 2]).max() < 1e-12 * steps


@pytest.mark.parametrize("profile", [1, 5])
def test_hermitian_spectral_noise_is_stationary_with_its_spectrum(profile):
    grid = Grid(256, 20)
    values = noise(profile, hermitian=True, steps=256, realisations=20)
    wanted = spectrum(profile, grid)
    assert_std(values, np.full(256, math.sqrt(wanted[0] + 2 * wanted[1:].sum())))
    power = (abs(np.fft.fft(values, axis=1)) ** 2).mean(axis=(0, 2)) / 256**2
    np.testing.assert_allclose(power[1:128], wanted[1:], rtol=1e-9)
    assert power[0] == pytest.approx(wanted[0], rel=5 * math.sqrt(0.5 / 2000))


@pytest.mark.parametrize("steps", [64, 1024])
def test_coloured_noise_has_the_variance_of_the_published_window(steps):
    settings = {"steps": steps, "realisations": 40}
    triangle = 1 - 2 * abs(Grid(steps).times - 0.5)
    assert_std(noise(2, **settings), np.full(steps, 0.1 * 16))
    assert_std(noise(3, **settings), 0.2 * 16 * triangle)
    mean, expected = noise(4, **settings).mean(axis=(0, 2)), 0.01 * 256 * triangle**2
    assert (abs(mean - expected) <= 5 * math.sqrt(2 / 4000) * expected).all()


def test_coloured_noise_forgets_after_a_quarter():
    values = noise(2, examples=200, steps=64, realisations=40)
    matrix = np.corrcoef(np.moveaxis(values, 1, 0).reshape(64, -1))
    lags = abs(np.subtract.outer(np.arange(64), np.arange(64)))
    np.testing.assert_allclose(matrix, np.maximum(0, 1 - lags / 16), atol=5 / math.sqrt(8000))


def test_no_noise_is_zero_and_other_profiles_are_refused():
    assert not noise(0, examples=2).any()
    for profiles in ([6], [1, 7], [-1]):
        with pytest.raises(InputError, match="profiles = "):
            draw_noise(profiles, rng(), 1, Grid(), False)


def test_the_seed_gives_the_examples():
    first, again, other = (generate("G_1q_X_Z_N1", rng(s), 10, Grid(32, 2)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.expectations, again.expectations)
    assert not np.isclose(first.expectations, other.expectations).any()


def test_chunks_are_put_together(monkeypatch):
    monkeypatch.setattr("qnlr.data.qdataset_generator._CHUNK", 32 * 2 * 3)
    made = generate("G_1q_X_Z_N1", rng(), 10, Grid(32, 2))
    assert made.expectations.shape == (10, 18)
    assert made.pulses.shape == (10, 32, 1)
    assert len(np.unique(made.expectations[:, 0])) == 10


def test_finer_steps_change_little():
    coarse, fine = (generate("G_1q_XY", rng(2), 200, Grid(steps)) for steps in (256, 2048))
    assert abs(coarse.expectations - fine.expectations).max() < 0.02


def test_the_duration_scales_time():
    made = generate("G_1q_X", rng(), 5, Grid(64, duration=2.0))
    assert made.parameters[..., 1].max() > 1
    example = full_example("S_1q_X", rng(), Grid(16, 1, 2.0))
    assert example["time_range"][-1] == pytest.approx(2 - 1 / 16)
