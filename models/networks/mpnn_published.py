"""The networks of DeepHyper's space for molecules as its released layers compute them.

For comparison: these are the layers of DeepHyper 0.4, mistakes included. Molecules are padded to
one number of atoms.

- The weights of attention are exp(s − the largest s), without a sum below the line; the largest is
  that of all messages of the batch to atoms of the same number, whatever their molecules.
- ``sym-gat`` adds a·h_i twice, and b·h_i never.
- Weights of attention are dropped at inference, too.
- The update ``mlp`` begins with weights of zero, which keeps ReLU and relu6 at zero for good.
- Gathers see the padding: in the mean, the maximum and both kinds of attention. Skip connections
  bring the biases of their projections to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu

from models.networks.attention import SCORES, SLOPE, Attention, Scores
from models.networks.molecules import Molecules, padded
from models.networks.mpnn import MPNNNetwork
from models.networks.mpnn_cell import CellChoice, MPNNCell


class PublishedSymmetricScores(Scores):
    """``sym-gat`` with a·h_i where b·h_i is meant."""

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The score of each message and head."""
        target, source = state @ self.of_target.t(), state @ self.of_source.t()
        i, j = molecules.targets, molecules.sources
        return leaky_relu(target[i] + source[j] + target[j] + target[i], SLOPE)


class PublishedAttention(Attention):
    """Weights that are not normalised, and dropped in evaluation mode, too."""

    scores_of: ClassVar[Mapping[str, type[nn.Module]]] = {
        **SCORES,
        "sym-gat": PublishedSymmetricScores,
    }

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The weight of each message and head."""
        from torch_geometric.utils import scatter

        scores = self.scores(state, molecules)
        slot = molecules.slot[molecules.targets]
        weights = (scores - scatter(scores, slot, 0, reduce="max")[slot]).exp()
        return dropout(weights, self.probability, training=True)


class PublishedMPNNCell(MPNNCell):
    """The cell of DeepHyper 0.4; what is not real is zero after each step."""

    attention_of = PublishedAttention

    def __init__(self, choice: CellChoice, inputs: int, bond_features: int, dropout: float) -> None:
        super().__init__(choice, inputs, bond_features, dropout)
        if isinstance(self.update, nn.Linear):
            nn.init.zeros_(self.update.weight)

    def message(self, state: Tensor, matrices: Tensor, molecules: Molecules) -> Tensor:
        """The message to each atom. **Shape**: state (N, d), matrices (U, H·d, d) → (N, d)."""
        return super().message(state, matrices, molecules) * molecules.real[:, None]

    def updated(self, state: Tensor, message: Tensor, molecules: Molecules) -> Tensor:
        """The states after a message. **Shape** (N, d), (N, d) → (N, d)."""
        return super().updated(state, message, molecules) * molecules.real[:, None]


class PublishedMPNNNetwork(MPNNNetwork):
    """:class:`~models.networks.mpnn.MPNNNetwork` of the released layers, with the same arguments.

    ``most_atoms`` are the atoms that every molecule is padded to: it changes what is computed.
    """

    cell_of = PublishedMPNNCell

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """The numbers of each molecule."""
        return self.predict(*padded(x, edge_index, edge_attr, batch, self.most_atoms))
