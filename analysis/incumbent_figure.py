"""The figure of a search: the incumbent against the queries."""

from __future__ import annotations

from dataclasses import replace

from analysis.figures import curves, save_figure
from datasets.objective import ACCURACY, Objective
from experiment.run import RunFolder


def draw_incumbent(run: RunFolder, method: str, objective: Objective = ACCURACY) -> None:
    """Draw the incumbent against the queries."""

    def scaled(value: float | None) -> float | None:
        return None if value is None else objective.scale * value

    looked_at = "measured" if objective.trial is None else f"measured, trial {objective.trial}"
    lines = [
        {
            "queries": line["query"],
            looked_at: scaled(line["incumbent"]["validation"]),
            "true mean": scaled(line["incumbent"].get("true_validation")),
            "test": scaled(line["incumbent"].get("true_test", line["incumbent"]["test"])),
        }
        for line in run.read_metrics()
        if line.get("query") and line["incumbent"]
    ]
    if not lines:
        return  # nothing was measured that is allowed
    shared = replace(objective, trial=None)  # the true means are those over all trials
    labels = shared.label, replace(shared, name="test").label
    panels = {labels[0]: [looked_at, "true mean"], labels[1]: ["test"]}
    known = {
        label: [key for key in keys if any(line[key] is not None for line in lines)]
        for label, keys in panels.items()
    }
    shown = {label: keys for label, keys in known.items() if keys}
    figure = curves(lines, shown, x="queries", title=f"Best architecture so far, {method}")
    save_figure(figure, run.figures / "incumbent.png")
