"""What of the steps of :mod:`qnlr.diagnostics.drift` is drawn."""

from __future__ import annotations

import pandas as pd

from qnlr.diagnostics.findings import Lines


def drawings(drifts: pd.DataFrame) -> tuple[Lines, ...]:
    """Return the share of probes that read higher, and the speed, against η and against p.

    Args:
        drifts: A summary of steps.
    """
    shared = {"by": "series", "panel": "panel", "xlabel": "learning rate η", "logx": True}
    caption = "Each point: one step from every one of the random weights, with 95 % intervals. "
    probability, speed = "share of probes that read higher", "speed −Δθ·∇C / η‖∇C‖²"
    return (
        Lines(
            drifts,
            x="rate",
            y="higher",
            low="higher_low",
            high="higher_high",
            expected="foretold",
            ylabel=probability,
            name="probability",
            title="How often a probe reads higher",
            caption=caption + "Thin lines: Φ(−η‖∇C‖²/(√2 s)).",
            **shared,  # type: ignore[arg-type]
        ),
        Lines(
            drifts,
            x="rate",
            y="speed",
            low="speed_low",
            high="speed_high",
            expected="speed_foretold",
            ylabel=speed,
            name="speed",
            title="Which way NLR drifts; SGD has speed 1",
            caption=caption + "Thin lines: what the formula foretells from gradients and errors.",
            **shared,  # type: ignore[arg-type]
        ),
        Lines(
            drifts.sort_values("higher"),
            x="higher",
            y="speed",
            low="speed_low",
            high="speed_high",
            expected="speed_by_p",
            by="landscape",
            joined=False,
            xlabel=probability,
            ylabel=speed,
            name="crossing",
            title="Uphill as soon as p > η/(η + η')",
            caption="One point for each setting, with 95 % intervals. Thin line: 1 − p(1 + η'/η).",
        ),
    )
