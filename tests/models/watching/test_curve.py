"""The live loss curve: one picture in a notebook, collected losses elsewhere."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit_machine_learning.algorithms import VQC

from qnlr import Estimate
from qnlr.errors import InputError
from qnlr.models.watching.curve import LossCurve
from qnlr.optimizers import NLR, SGD
from qnlr.study.figures.loss_curve import loss_curve

SHOWN = """
import warnings
warnings.simplefilter("always")
import numpy as np
from qnlr import NLR
from qnlr.models.watching.callbacks import Callbacks, ProgressBar
from qnlr.models.watching.curve import LossCurve

curve = LossCurve(every=2, seconds=0.0)
optimizer = NLR(0.1, maxiter=7, callback=Callbacks(curve, ProgressBar()))
def parabola(x):
    return float(x @ x)
def slope(x):
    return 2 * x
"""
MINIMISED = "result = optimizer.minimize(parabola, np.array([1.0, -2.0]), slope)"
RARELY = "optimizer = NLR(0.1, maxiter=7, callback=LossCurve(seconds=1000.0)); " + MINIMISED


class Watching(NotebookClient):
    """A notebook whose kernel's messages are kept, as a front end gets them."""

    def __init__(self, *cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        super().__init__(notebook, timeout=120, kernel_name="python3")
        self.messages = []

    def process_message(self, msg, cell, cell_index):
        self.messages.append(msg)
        return super().process_message(msg, cell, cell_index)

    def pictures(self, kind):
        return [
            (message["content"]["transient"]["display_id"], message["content"]["data"]["image/png"])
            for message in self.messages
            if message["msg_type"] == kind and "image/png" in message["content"]["data"]
        ]


@pytest.mark.slow
def test_in_a_notebook_one_picture_is_updated_in_place():
    client = Watching(SHOWN, MINIMISED, MINIMISED, RARELY)
    notebook = client.execute()
    opened, updates = client.pictures("display_data"), client.pictures("update_display_data")
    assert len(opened) == 3  # one for every minimisation
    first, second, third = [display for display, _ in opened]
    assert first != second
    # after steps 2, 4, 6 and at the end; and where that is too soon, after step 1 and at the end
    assert [display for display, _ in updates] == [first] * 3 + [second] * 3 + [third]
    assert len({picture for _, picture in [opened[0], *updates[:3]]}) == 4
    for cell, last in zip(notebook.cells[1:], (updates[2], updates[5], updates[6]), strict=True):
        shown = [out for out in cell.outputs if "image/png" in out.get("data", {})]
        assert [out.data["image/png"] for out in shown] == [last[1]]
    said = "".join(
        out.text for cell in notebook.cells for out in cell.outputs if out.output_type == "stream"
    )
    assert "Warning" not in said


def collected(curve, optimizer, noise=0.0):
    optimizer.minimize(lambda x: Estimate(float(x @ x), noise), [3.0, 4.0], lambda x: 2 * x)
    return curve.figure().axes[0]


def test_elsewhere_it_collects_and_shows_nothing(capsys):
    curve = LossCurve()
    axes = collected(curve, SGD(0.1, maxiter=5, callback=curve))
    assert capsys.readouterr() == ("", "")
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), range(5))
    np.testing.assert_allclose(line.get_ydata(), 25 * 0.64 ** np.arange(5))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "mini-batch loss")
    assert not axes.figure.legends


def test_flips_are_marked_and_errors_shown():
    curve = LossCurve(ylabel="loss on all samples")
    nlr = NLR(1.1, 0.2, maxiter=4, callback=curve)
    axes = collected(curve, nlr, noise=0.5)
    _, flips = axes.get_lines()
    np.testing.assert_array_equal(flips.get_xdata(), range(4))
    np.testing.assert_array_equal(flips.get_ydata(), axes.get_lines()[0].get_ydata())
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["± 2 standard errors", "reversed step (4 of 4)"]
    band = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose((band[:, 1].min(), axes.get_ylim()[0]), (24.0, 0.0))
    assert axes.get_ylabel() == "loss on all samples"


def test_it_begins_anew_with_every_minimisation():
    curve = LossCurve()
    for steps in (4, 2):
        axes = collected(curve, SGD(0.1, maxiter=steps, callback=curve))
        assert len(axes.get_lines()[0].get_xdata()) == steps


def test_it_is_a_callback_of_models_too():
    curve = LossCurve()
    model = VQC(
        feature_map=z_feature_map(2, reps=1),
        ansatz=real_amplitudes(2, reps=1),
        optimizer=SGD(0.1, maxiter=3),
        initial_point=np.zeros(4),
        callback=curve,
    )
    model.fit(np.array([[0.2, 0.4], [1.4, 1.6]]), np.array([0, 1]))
    assert len(curve.figure().axes[0].get_lines()[0].get_xdata()) == 3


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_it_is_saved(suffix, tmp_path):
    curve = LossCurve()
    collected(curve, SGD(0.1, maxiter=2, callback=curve))
    file = curve.save(tmp_path / "new" / f"loss.{suffix}")
    assert file == tmp_path / "new" / f"loss.{suffix}"
    assert file.stat().st_size > 1000


def test_a_curve_of_nothing_is_empty():
    assert not LossCurve().figure().axes[0].get_lines()


def test_losses_that_are_not_finite_leave_a_gap():
    frame = pd.DataFrame(
        {
            "step": [0, 1, 2],
            "metric_loss": [1.0, np.nan, 2.0],
            "metric_loss_std": np.nan,
            "metric_flipped": False,
        }
    )
    assert loss_curve(frame).axes[0].get_ylim()[0] == 0.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"every": 0}, "every = 0 is not valid"),
        ({"seconds": -1}, "seconds = -1 is not valid"),
        ({"seconds": "soon"}, "seconds = 'soon' is not valid"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        LossCurve(**settings)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match='format "gif" is not known'):
        LossCurve().save(tmp_path / "loss.gif")
