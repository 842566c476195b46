"""Metrics, statistics and figures. ``docs/api.md`` says what each name is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from analysis.drawing import draw_architecture
    from analysis.figures import (
        curves,
        gallery,
        interpolation_strip,
        latent_map,
        principal_axes,
        save_figure,
    )
    from analysis.front_figure import value_against_cost
    from analysis.grid_figure import architecture_grid
    from analysis.incumbent_figure import draw_incumbent
    from analysis.latent_panels import latent_grid
    from analysis.prediction_figure import predicted_against_measured
    from analysis.statistics import (
        Difference,
        MedianQueries,
        Spread,
        median_queries,
        paired_difference,
    )
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "drawing": ["draw_architecture"],
            "figures": [
                "curves",
                "gallery",
                "interpolation_strip",
                "latent_map",
                "principal_axes",
                "save_figure",
            ],
            "front_figure": ["value_against_cost"],
            "grid_figure": ["architecture_grid"],
            "incumbent_figure": ["draw_incumbent"],
            "latent_panels": ["latent_grid"],
            "prediction_figure": ["predicted_against_measured"],
            "statistics": [
                "Difference",
                "MedianQueries",
                "Spread",
                "median_queries",
                "paired_difference",
            ],
        },
    )
