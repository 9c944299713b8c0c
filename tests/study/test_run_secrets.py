"""What a run writes when it fails shows no API key."""

from qnlr.backends import AerBackend
from qnlr.study import execute, load_results, load_study

TOKEN = "t0ken" * 9
CRN = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{'ab12' * 8}:1234::"


def test_a_failing_run_writes_no_secret(small, tmp_path, monkeypatch):
    def refuse(self, parameters, rng):
        try:
            raise KeyError(TOKEN)
        except KeyError as error:
            raise RuntimeError(f"no access to {CRN} with {TOKEN}") from error

    monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
    monkeypatch.setattr(AerBackend, "run", refuse)
    report = execute(load_study(small), tmp_path)
    results = load_results(report.folder)
    assert set(results["sentence"]) == {"RuntimeError: no access to *** with ***"}
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert any(b"KeyError: '***'" in text for text in written)
    for secret in (TOKEN, CRN, "ab12" * 8):
        assert not any(secret.encode() in text for text in written)
