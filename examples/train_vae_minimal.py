"""Train a graph VAE in one file: SVGE on the 2,532 cells of DIGITS101, a minute on two cores.

    python examples/train_vae_minimal.py

After each epoch it prints the training loss, in nats a cell, and how many held-out cells decode
from their latents exactly. ``Training_VAE/train_svge.py`` has the rest: every space, presets,
resuming to the same weights, precision, evaluation.
"""

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import GraphBatch, SearchSpace, get_space, split_rows
from experiment import seed_everything, use_threads
from models import SVGE, Embedding, Objective, Sizes

EPOCHS = 15
BATCH_SIZE = 32
LEARNING_RATE = 2e-3  # the peak of the one-cycle schedule
NODE_WIDTH, LATENT_WIDTH = 128, 32  # half of the defaults: enough for cells of five nodes


def split(space: SearchSpace) -> tuple[GraphBatch, GraphBatch]:
    """Nine tenths of the space to train on, and the held-out tenth."""
    cells = [cell for batch in space.enumerate() for cell in batch]
    graphs = GraphBatch.from_graphs(cells, space.max_nodes)
    rows = split_rows(space.hashes(graphs), seed=1)
    return graphs[torch.from_numpy(rows.train)], graphs[torch.from_numpy(rows.test)]


@torch.no_grad()
def exact_share(model: Embedding, space: SearchSpace, cells: GraphBatch) -> float:
    """Share of cells whose latent means decode to them, up to isomorphism, without masks."""
    model.eval()
    decoded = model.decode_greedily(model.encode_all(cells).flat)
    return float((space.hashes(decoded) == space.hashes(cells)).mean())


def train(epochs: int = EPOCHS, seed: int = 0) -> list[float]:
    """Train from fresh weights, and return the share of exact decodings after each epoch."""
    seed_everything(seed)
    space = get_space("DIGITS101")
    training, held_out = split(space)
    model = SVGE(Sizes(len(space.types), space.max_nodes, NODE_WIDTH, LATENT_WIDTH))
    steps = epochs * -(-len(training) // BATCH_SIZE)
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps)
    shares = []
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for rows in torch.randperm(len(training)).split(BATCH_SIZE):
            loss = model.loss(training[rows], Objective())  # reconstruction + β · KL divergence
            optimiser.zero_grad()
            loss.total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.reconstruction.item())
        shares.append(exact_share(model, space, held_out))
        mean = sum(losses) / len(losses)
        print(f"epoch {epoch:2}: loss {mean:6.3f}, exact {shares[-1]:6.1%}", flush=True)
    return shares


if __name__ == "__main__":
    use_threads(None)  # as many as make this machine faster
    train()
