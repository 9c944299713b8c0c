"""The tutorial runs from its first cell to its last, and shows what it says."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parent.parent / "experiments" / "tutorial.ipynb"


def printed(notebook):
    """Return the text that the cells wrote, streams and tables."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            texts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def table(text):
    """Return loss, accuracy and flips of each method, their means."""
    rows = re.findall(
        r"^((?:SGD|NLR|Adam)[^\n]*?) {2,}([\d.]+(?: +[\d.]+){8})$", text, re.MULTILINE
    )
    return {name: [float(n) for n in numbers.split()[::3]] for name, numbers in rows}


def holds(text):
    """Check what the last cell concludes."""
    found = table(text)
    assert len(found) == 6
    loss = {name: row[0] for name, row in found.items()}
    accuracy = {name: row[1] for name, row in found.items()}
    flips = {name: row[2] for name, row in found.items()}
    assert "the target was not reached" in text
    assert "below 1e-9: True" in text
    assert flips["NLR, any increase"] > 15
    assert flips["NLR, 2 standard errors"] < 5
    assert accuracy["NLR, any increase"] < 0.6
    assert abs(loss["NLR, 2 standard errors"] - loss["SGD"]) < 0.05
    assert accuracy["Adam"] > accuracy["SGD"] + 0.1
    assert accuracy["SGD, first bit"] > accuracy["SGD"]
    assert accuracy["SGD, small weights"] < accuracy["SGD"] + 0.05


def test_what_is_kept_of_it_holds():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    holds(printed(notebook))
    assert sum("image/png" in str(cell.get("outputs")) for cell in notebook.cells) == 3


@pytest.mark.slow
def test_it_runs():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
    holds(printed(notebook))
