"""The page that lies beside shipped weights: a manifest entry, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.heads import ACCURACY

INFO_NAS = "A model of info-NAS (Suchopárová and Neruda 2022): arch2vec"
DESCRIPTIONS = {
    "SVGE": "A smooth variational graph embedding "
    "([Lukasik et al., IJCNN 2021](https://arxiv.org/abs/2010.04683))",
    "SVGE_degrees": "A smooth variational graph embedding "
    "([Lukasik et al., IJCNN 2021](https://arxiv.org/abs/2010.04683)) whose encoder also knows how "
    "many edges enter and leave each node, which the published one does not",
    "DVAE": "D-VAE's variational autoencoder "
    "([Zhang et al., NeurIPS 2019](https://arxiv.org/abs/1904.11088)), which passes messages in "
    "the order of the vertices",
    "NGAE": "NGAE's graph variational autoencoder "
    "([Li et al. 2020](https://arxiv.org/abs/2006.10310)): D-VAE's, trained with heads for "
    "performance and complexity",
    "arch2vec": "arch2vec's variational graph isomorphism autoencoder "
    "([Yan et al., NeurIPS 2020](https://arxiv.org/abs/2006.06936))",
    "arch2vec_masked": "arch2vec's variational graph isomorphism autoencoder "
    "([Yan et al., NeurIPS 2020](https://arxiv.org/abs/2006.06936)) with padding masked, the "
    "loss of the likelihood, and a fitted prior for each position",
    "arch2vec_directed": "arch2vec's variational graph isomorphism autoencoder "
    "([Yan et al., NeurIPS 2020](https://arxiv.org/abs/2006.06936)) with padding masked, the loss "
    "of the likelihood, a fitted prior for each position, and an encoder that sees the direction "
    "of edges and the positions of nodes",
    "io_dense": f"{INFO_NAS} that also predicts, in linear layers, the features that a trained "
    "network computes of an image",
    "io_concat": f"{INFO_NAS} that also predicts, by convolutions over image and latent, the "
    "features that a trained network computes of an image",
    "io_accuracy": f"{INFO_NAS} that also predicts the accuracy of the trained network",
    "DGMG": "The baseline of SVGe: a deep generative model of graphs "
    "([Li et al. 2018](https://arxiv.org/abs/1803.03324)) as a variational autoencoder",
}
"""What each model is, by its name."""

COMMAND_SECTION = """\
## Command

```bash
{command}
```

It ran {times}, with these settings:

| setting | |
|---|---|
{settings}
"""

CARD = """\
# {name}

{what}, for the architectures of {space}.
Trained by this project; these are not the weights that the authors of the paper published.

```python
from models import load_model

model = load_model("{name}")
```

| | |
|---|---|
| file | `{file}`, {megabytes:.1f} MB: {parameters:,} parameters, {precision} |
| sha256 | `{sha256}` |
| trained | {trained_epochs} epochs, {passes:g} × {training:,} architectures; seed {seed} |
| time | {minutes:g} minutes on {machine} |
| code | commit {commit} |
| data | {source} |
| held out | {held_out:,} of {architectures:,}, by split seed {split_seed} |
| split | `{split}` |
| curve | [metrics.jsonl](metrics.jsonl), a line an epoch |

The {epoch} in the file's name is the published name's; it says nothing of this training.

{command_section}
## Quality

Measured on the stored file, computed in {evaluated_in}, seed {evaluation_seed}, on the held-out
architectures. [docs/protocols.md](../../docs/protocols.md) defines every name.

| measure | | of |
|---|---|---|
{metrics}

## Limits

{limits}

## Licence

[Apache 2.0](../../LICENSE), as the code. {accuracies}
"""


def model_card(name: str, entry: Mapping[str, Any]) -> str:
    """The card of the weights called ``name``.

    Args:
        name: of their folder.
        entry: theirs in the manifest; everything on the card comes from it.
    """
    metrics = entry["metrics"]
    return CARD.format_map(
        {
            **common_fields(name, entry),
            "what": DESCRIPTIONS[entry["model"]],
            "accuracies": describe_accuracies(metrics),
            "evaluation_seed": metrics["seed"],
            "metrics": "\n".join(
                [
                    *(f"| `{name}` | {value:.2%} | {of} |" for name, value, of in shares(metrics)),
                    *numbers_with_units(metrics),
                ]
            ),
            "limits": "\n".join(f"- {limit}" for limit in _limits(entry)),
        }
    )


def common_fields(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the cards of weights and of surrogates share.

    Args:
        name: of the folder.
        entry: of the manifest.
    """
    return {
        **entry,
        **entry["data"],
        "name": name,
        "megabytes": entry["bytes"] / 1e6,
        "commit": f"{entry['commit']}{changes(entry)}",
        "machine": machine(entry["machine"]),
        "command_section": COMMAND_SECTION.format(
            command=entry["command"],
            times=times(entry["resumed"]),
            settings="\n".join(f"| {k} | {v} |" for k, v in entry["settings"].items()),
        ),
        "evaluated_in": entry["metrics"]["precision"],
    }


NO_SHARES = ("noise_scale", "prior_scale", "temperature", "nll", "heads")
"""What a result has beside shares: numbers that were chosen, or have a unit."""


def shares(metrics: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, float, str]]:
    """Every measured share, with its name in the result and what it is a share of."""
    counts = [f"{metrics[k]:,} {k}" for k in ("decodings", "graphs") if k in metrics]
    for key, value in metrics.items():
        if key in NO_SHARES:
            continue
        if isinstance(value, Mapping):
            yield from shares(value, f"{name}{key}.")
        elif isinstance(value, float):
            yield f"{name}{key}", value, " of ".join(counts)


def numbers_with_units(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The rows of a measured likelihood, and of what heads predict, where there are any."""
    if own := metrics.get("dvae"):
        yield f"| `dvae.nll` | {own['nll']:.4f} nats | {metrics['held_out_graphs']:,} graphs |"
    for name, found in metrics.get("heads", {}).items():
        for measure in ("rmse", "pearson_r", "kendall_tau"):
            count = f"{found['architectures']:,} architectures"
            yield f"| `heads.{name}.{measure}` | {found[measure]:.4g} | {count} |"


def describe_accuracies(metrics: Mapping[str, Any]) -> str:
    """Whether measured accuracies took part in the training."""
    if ACCURACY in metrics.get("heads", {}):
        return "The head for accuracy was fitted to measured accuracies of the training data."
    return "The weights hold no measured accuracies."


def machine(facts: Mapping[str, Any]) -> str:
    """What a training ran on, from its facts in the manifest."""
    device = facts["device"]
    where = f"{facts['cpu']}, {facts['threads']} of {facts['cores']} cores"
    return f"{where if device == 'cpu' else device}, PyTorch {facts['torch']}"


def changes(entry: Mapping[str, Any]) -> str:
    """What is added to a commit that was not all there was."""
    return ", with uncommitted changes" if entry["uncommitted_changes"] else ""


def times(resumed: int) -> str:
    """How often a training was resumed, in words."""
    return {0: "in one go", 1: "and was resumed once"}.get(
        resumed, f"and was resumed {resumed} times"
    )


def _limits(entry: Mapping[str, Any]) -> Iterator[str]:
    data, prior = entry["data"], entry["metrics"]["prior"]["unmasked"]
    at_most = f" of at most {data['cells_up_to']} nodes" if data["cells_up_to"] else ""
    heads = entry["metrics"].get("heads")
    known = f"what its heads predict ({', '.join(heads)})" if heads else "nothing of their accuracy"
    yield (
        f"It knows architectures of {entry['space']}{at_most} and {known}; "
        "others it encodes to points that mean nothing."
    )
    yield "It is one training with one seed: how the figures vary from seed to seed is not known."
    if prior["validity"] < 1:
        yield (
            f"Without masks {1 - prior['validity']:.1%} of the decodings of prior points are no "
            f"members of {entry['space']}: give the space's `legality()` to the decoder."
        )
    yield from entry["notes"]
