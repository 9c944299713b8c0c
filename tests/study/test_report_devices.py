"""What a report says of devices, after runs that were made."""

import pytest
from device_studies import PHASES, carry_out, journal, study

from qnlr.backends.ibm.ledger import read_ledger
from qnlr.paper.reproduce import write_study_report
from qnlr.report import Details
from qnlr.study import load_results
from qnlr.study.display import show_study
from qnlr.study.report import study_document
from qnlr.study.report_devices import UNSETTLED, device_runs, device_sections
from qnlr.study.report_evaluation import evaluation_lines, evaluation_sections
from qnlr.study.results import load_history

EVALUATION = {
    "gradient_samples": 2,
    "backend": {"name": "ibm", "device": "fake_manila", "shots": 100, "transpiler_seeds": 1},
}


def text_of(section):
    """The paragraphs of a section as one text."""
    return " ".join(part for block in section.blocks for part in getattr(block, "paragraphs", ()))


def table(sections, name):
    """A table as a list of dicts of texts."""
    blocks = [block for section in sections for block in section.blocks]
    blocks += [inner for block in blocks if isinstance(block, Details) for inner in block.blocks]
    (found,) = [block for block in blocks if getattr(block, "name", None) == name]
    return [
        dict(zip(found.columns, (cell.text for cell in row), strict=True)) for row in found.rows
    ]


def test_a_run_on_a_fake_device(tmp_path):
    options = {"twirling": {"enable_measure": True}}
    config = study(device="fake_manila", readout_correction=True, options=options)
    results = carry_out(config, tmp_path)
    (section,) = device_sections(tmp_path / "hw", results)
    assert "Noise of fake_manila is" in text_of(section)
    assert "best case" in text_of(section)
    assert "crosstalk" in text_of(section)
    (ran,) = table([section], "devices")
    assert ran["mode"] == "simulated here"
    assert (ran["device"], ran["status"], ran["jobs"]) == ("fake_manila", "finished", str(PHASES))
    assert ran["QPU s"] == "0.0"
    (run,) = device_runs(tmp_path / "hw", results)
    (circuit,) = table([section], "circuits")
    assert circuit["circuit"] == run.kept.isa.digest[:16]
    operations = run.kept.isa.circuit.count_ops()
    assert circuit["two-qubit gates"] == str(operations["cx"])
    assert len(circuit["physical qubits"].split(", ")) == 2
    assert circuit["settings"] == (
        "shots = 50; readout_correction = true; transpiler_seeds = 1; "
        "twirling.enable_measure = true"
    )
    assert circuit["ν"] == f"{run.kept.calibration['noise_rate']:.4f}"
    assert not any(isinstance(block, Details) for block in section.blocks)


def test_jobs_of_a_service_are_named_and_the_account_is_not(loopback, tmp_path):
    results = carry_out(study(mode="batch"), tmp_path)
    folder = tmp_path / "hw"
    sections = device_sections(folder, results)
    charged = f"{loopback.charged:.1f} QPU seconds were charged in all, for {PHASES} jobs."
    assert text_of(sections[0]) == charged
    (ran,) = table(sections, "devices")
    records = list(journal(folder).jobs.values())
    assert (ran["device"], ran["mode"], ran["jobs"]) == ("ibm_manila", "batch", str(PHASES))
    assert float(ran["QPU s"]) == pytest.approx(loopback.charged, abs=0.1)
    assert float(ran["estimated"]) == pytest.approx(sum(j.estimate for j in records), abs=0.1)
    assert ran["first"] <= ran["last"]
    jobs = table(sections, "jobs")
    assert [job["job"] for job in jobs] == [record.job_id for record in records]
    assert [job["job"] for job in jobs] == [job.id for job in loopback.jobs]
    assert {job["state"] for job in jobs} == {"done"}
    assert {job["session or batch"] for job in jobs} == {
        session.id for session in loopback.sessions
    }
    page = write_study_report(folder).read_text(encoding="utf-8")
    assert "What ran where" in page
    assert records[0].job_id in page
    written = "".join(
        file.read_text(encoding="utf-8") for file in (folder / "report").rglob("*.[mhct]*")
    )
    assert not any(secret in written for secret in loopback.secrets)


def test_a_session_is_charged_for_its_waiting_too(loopback, tmp_path):
    results = carry_out(study(mode="session"), tmp_path)
    (session,) = loopback.sessions
    journal(tmp_path / "hw").note_session(session.id, 100.0)  # beyond its jobs
    (section,) = device_sections(tmp_path / "hw", results)
    found = read_ledger(tmp_path / "hw")
    idle = found.spent - sum(job.spent for job in found.jobs)
    assert idle == pytest.approx(100)
    assert text_of(section) == (
        f"{found.spent:.1f} QPU seconds were charged in all, for {PHASES} jobs, "
        f"of which {idle:.1f} for sessions that waited."
    )


def test_a_charge_that_is_not_settled_says_so(loopback, tmp_path):
    loopback.pending_metrics = 10**6
    results = carry_out(study(), tmp_path)
    (run,) = device_runs(tmp_path / "hw", results)
    assert [job.charge for job in run.jobs] == [None] * PHASES
    (section,) = device_sections(tmp_path / "hw", results)
    cell = section.blocks[1].rows[0][7]
    assert cell.note == UNSETTLED
    assert cell.value == pytest.approx(sum(job.estimate for job in run.jobs))
    assert {job["QPU s"] for job in table([section], "jobs")} == {"–"}


def test_runs_with_one_circuit_share_a_row(tmp_path):
    pair = [{"name": "nlr"}, {"name": "sgd"}]
    results = carry_out(study(optimizers=pair, device="aer_simulator"), tmp_path)
    (section,) = device_sections(tmp_path / "hw", results)
    assert text_of(section) == "aer_simulator was simulated on this machine, without noise."
    assert len(table([section], "devices")) == 2
    (circuit,) = table([section], "circuits")
    assert circuit["runs"] == "2"
    assert circuit["calibrated"] == "–"


def test_trained_weights_on_a_device(tmp_path, capsys):
    noise = {"name": "device", "device": "fake_manila"}
    config = {
        **study(),
        "backend": {"name": "simulator", "shots": 50, "noise": noise},
        "evaluation": EVALUATION,
    }
    results = carry_out(config, tmp_path)
    row = results.iloc[0]
    (shown,) = table(evaluation_sections(results), "on_the_device")
    assert shown["device"] == "fake_manila"
    assert shown["test accuracy %"] == f"{100 * row['metric_device_test_accuracy']:.1f}"
    assert shown["predicted %"] == f"{100 * row['metric_test_accuracy']:.1f}"
    norm, shots = row["metric_device_gradient_norm"], row["metric_device_gradient_std"]
    assert shown["gradient norm"] == f"{norm:.3f} ({shots:.3f})"
    (line,) = evaluation_lines(results)
    assert line.startswith("nlr, seed 0, on fake_manila: test accuracy ")
    assert f"gradient norm {norm:.2f} (predicted " in line
    show_study(tmp_path / "hw")
    assert line in capsys.readouterr().out
    document = study_document(tmp_path / "hw", results, load_history(tmp_path / "hw"))
    names = [section.name for section in document.sections]
    assert names[-3:] == ["on_the_device", "devices", "repeat"]


def test_without_gradients_there_are_accuracies_alone(tmp_path):
    config = {
        **study(),
        "backend": {"name": "simulator", "shots": 50},
        "evaluation": {**EVALUATION, "gradient_samples": 0},
    }
    results = carry_out(config, tmp_path)
    (shown,) = table(evaluation_sections(results), "on_the_device")
    assert shown["gradient norm"] == shown["predicted norm"] == "–"
    assert "gradient" not in evaluation_lines(results)[0]


def test_a_study_without_devices_says_nothing_of_them(small, tmp_path):
    small["backend"] = {"name": "simulator", "shots": 50}
    results = carry_out(small, tmp_path)
    assert device_sections(tmp_path / "small", results) == []
    assert evaluation_sections(results) == []
    assert evaluation_lines(results) == []


def test_noise_of_a_fake_device_on_the_simulator_is_a_best_case_too(small, tmp_path):
    noise = {"name": "device", "device": "fake_manila"}
    small["backend"] = {"name": "simulator", "shots": 50, "noise": noise}
    results = carry_out(small, tmp_path)
    (section,) = device_sections(tmp_path / "small", results)
    assert "Noise of fake_manila" in text_of(section)
    assert len(section.blocks) == 1


def test_a_run_that_has_not_begun_has_run_nowhere(tmp_path):
    carry_out(study(device="fake_manila"), tmp_path)
    folder = tmp_path / "hw"
    results = load_results(folder)
    results.loc[len(results)] = {**results.iloc[0], "run_id": "0" * 12, "status": "pending"}
    assert len(device_runs(folder, results)) == 1
