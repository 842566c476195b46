"""Measurements of ``benchmarks/uniqueness.py``: means and spread over the seeds, and a choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analysis.statistics import Spread

EXACT = 0.999
"""Share of the held-out graphs that the recommended weights decode exactly, greedily, at least."""

SAMPLED = 0.99
"""The same of sampled decodings of slightly noisy latents: what a higher temperature costs."""

VALID = 0.999
"""Share of the unmasked decodings of prior points that are valid with the recommended setting."""

DISTINCT = 0.99
"""Share of the prior points with most frequent architectures of their own, with that setting."""


@dataclass(frozen=True)
class Summary:
    """One setting of one VAE, over all seeds.

    Attributes:
        folder: of the weights.
        epoch: which of its checkpoints they are.
        noise_scale: of the latent noise in training.
        beta: weight of the divergence in training.
        prior: kind of the prior.
        prior_scale: what it was stretched by.
        temperature: of the decoder.
        seeds: how many draws of prior points there are.
        greedy: share of held-out graphs decoded exactly, by the best greedy count there is:
            SVGE's joint one, DGMG's only one.
        sampled: the same of sampled decodings of slightly noisy latents.
        uniqueness: distinct valid decodings ÷ valid decodings.
        validity: valid ÷ all decodings.
        novelty: valid decodings that are no training architecture ÷ valid.
        distinct_points: different most frequent architectures ÷ points.
        agreement: share of a point's decodings that are its most frequent architecture.
    """

    folder: str
    epoch: int
    noise_scale: float | None
    beta: float | None
    prior: str
    prior_scale: float
    temperature: float
    seeds: int
    greedy: float
    sampled: float
    uniqueness: Spread
    validity: Spread
    novelty: Spread
    distinct_points: Spread
    agreement: Spread

    @property
    def training(self) -> str:
        """What tells the trainings apart; of published weights nothing but the folder is known."""
        if self.noise_scale is None or self.beta is None:
            return self.folder
        return f"noise × {self.noise_scale:g}, β {self.beta:g}, epoch {self.epoch}"

    def __str__(self) -> str:
        return (
            f"{self.folder} {self.prior} × {self.prior_scale:g}, temperature "
            f"{self.temperature:g}: unique {self.uniqueness:.2%}, valid {self.validity:.2%}, "
            f"new {self.novelty:.2%}, distinct points {self.distinct_points:.2%}, agreement "
            f"{self.agreement:.2%}; exact greedily {self.greedy:.2%}, sampled {self.sampled:.2%}"
        )


def summaries(weights: Iterable[dict[str, Any]]) -> list[Summary]:
    """A line for every setting of every VAE, in the order of the measurements."""
    lines = []
    for entry in weights:
        exact = {found["temperature"]: found for found in entry["reconstruction"]}
        settings = {
            (found["prior"], found["prior_scale"], found["temperature"]): None
            for found in entry["decodings"]
        }
        for prior, scale, temperature in settings:
            draws = [
                found
                for found in entry["decodings"]
                if (found["prior"], found["prior_scale"], found["temperature"])
                == (prior, scale, temperature)
            ]
            greedy = exact[temperature]["greedy"]
            quantities = ("uniqueness", "validity", "novelty", "distinct_points", "agreement")
            lines.append(
                Summary(
                    folder=entry["folder"],
                    epoch=entry["epoch"],
                    noise_scale=entry["noise_scale"],
                    beta=entry["beta"],
                    prior=prior,
                    prior_scale=scale,
                    temperature=temperature,
                    seeds=len(draws),
                    greedy=greedy.get("joint", greedy["forward"]),
                    sampled=exact[temperature]["sampled"]["share"],
                    **{key: Spread.of([draw[key] for draw in draws]) for key in quantities},
                )
            )
    return lines


def recommended(lines: Iterable[Summary]) -> Summary | None:
    """The most unique setting within the bounds of this module.

    Greedy decoding alone bounds nothing: every temperature could be raised further, and every
    prior narrowed. Of the priors the default one is chosen from, at any scale.
    """
    enough = [
        line
        for line in lines
        if line.prior == "diagonal"
        and line.greedy >= EXACT
        and line.sampled >= SAMPLED
        and line.validity.mean >= VALID
        and line.distinct_points.mean >= DISTINCT
    ]
    return max(enough, key=lambda line: line.uniqueness.mean, default=None)
