"""The page that lies beside a shipped surrogate: a manifest entry, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.heads import embedding_name
from Training_VAE.model_card import common_fields

CARD = """\
# {name}

The encoder of `{vae}_{space}` with an accuracy head, fine-tuned on {labels:,} labels: it predicts
the {metric} accuracy of architectures of {space}, as the surrogate of SVGe does
([Lukasik et al., IJCNN 2021](https://arxiv.org/abs/2010.04683)). Trained by this project; these
are not the weights that the authors of the paper published.

```bash
python Extrapolation_Ability/eval_extrapolation.py --model {model} --data_search_space {space} \\
    --path_state_dict state_dicts/{name}/
```

| | |
|---|---|
| file | `{file}`, {megabytes:.1f} MB: {parameters:,} parameters, {precision} |
| sha256 | `{sha256}` |
| starts from | the weights with sha256 `{start_sha256}` |
| trained | {trained_epochs} epochs; seed {seed} |
| time | {minutes:g} minutes on {machine} |
| code | commit {commit} |
| data | {source} |
| labels | {labels:,} random architectures that are not held out, sha256 `{labels_sha256}` |
| curve | [metrics.jsonl](metrics.jsonl), a line an epoch |

The {epoch} in the file's name is the published name's; it says nothing of this training.

{command_section}
## Quality

Measured on the stored file, computed in {evaluated_in}, on the architectures that the split of this
seed holds out.

| accuracy | architectures | Kendall's τ | Spearman's ρ | Pearson's r | RMSE |
|---|---|---|---|---|---|
{metrics}

## Limits

{limits}

## Licence

[Apache 2.0](../../LICENSE), as the code. `targets.json` holds 100 quantiles of the labels, by which
the head's outputs become accuracies.
"""


def surrogate_card(name: str, entry: Mapping[str, Any]) -> str:
    """The card of the surrogate called ``name``.

    Args:
        name: of its folder.
        entry: its entry in the manifest; everything on the card comes from it.
    """
    held_out = entry["metrics"]["held_out"]
    return CARD.format_map(
        {
            **common_fields(name, entry),
            "vae": embedding_name(entry["model"]),
            "metrics": "\n".join(
                f"| {metric} | {quality['architectures']:,} | {quality['kendall_tau']:.3f} | "
                f"{quality['spearman_rho']:.3f} | {quality['pearson_r']:.3f} | "
                f"{quality['rmse']:.4f} |"
                for metric, quality in held_out.items()
            ),
            "limits": "\n".join(f"- {limit}" for limit in _limits(entry)),
        }
    )


def _limits(entry: Mapping[str, Any]) -> Iterator[str]:
    yield "One training with one seed and one draw of the labels."
    if entry["settings"]["vae_share"] == 0:
        yield (
            "Its decoder was not trained with the new encoder: decode with the weights it starts "
            "from."
        )
    yield from entry["notes"]
