"""Diagnostics: what a landscape looks like, whether it is a plateau, and what theory says of it."""

from __future__ import annotations

DIAGNOSTICS: dict[str, str] = {
    "bounds": "qnlr.diagnostics.bounds_table:bounds",
    "cave": "qnlr.diagnostics.cave:cave",
    "circuit": "qnlr.diagnostics.circuit_file:diagnose_circuit",
    "drift": "qnlr.diagnostics.drift:drift",
    "fisher": "qnlr.diagnostics.fisher:fisher_information",
    "landscape": "qnlr.diagnostics.landscape:landscape_slice",
    "lemma_1": "qnlr.diagnostics.probe_failure:lemma_1",
    "lemma_2": "qnlr.diagnostics.backtracking_cap:lemma_2",
    "magnitudes": "qnlr.diagnostics.magnitudes:gradient_magnitudes",
    "noise": "qnlr.diagnostics.noisy_variance:noisy_gradient_variance",
    "norms": "qnlr.diagnostics.norms:gradient_norms",
    "remark_1": "qnlr.diagnostics.exit_times:remark_1",
    "theorem_1": "qnlr.diagnostics.diffusion:theorem_1",
    "theorem_2": "qnlr.diagnostics.post_escape:theorem_2",
    "two_stage": "qnlr.strategies.refinement.comparison:two_stage_benchmarks",
    "variance": "qnlr.diagnostics.variance:gradient_variance",
}
"""Diagnostics by name, each as ``"module:function"``, so that help need not import them all."""
