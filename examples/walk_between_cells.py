"""From one cell to another through the latent space.

    python examples/walk_between_cells.py

loads the shipped weights, encodes two NAS-Bench-101 cells, goes straight from one latent to the
other, decodes on the way and draws what it meets into ``walk.png``.
"""

import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis import interpolation_strip, save_figure
from datasets import GraphBatch, get_space
from models import load_vae

model, space = load_vae("SVGE_NB101"), get_space("NB101")
cells = GraphBatch.from_graphs(space.sample(2, np.random.default_rng(1)), space.max_nodes)
start, end = model.encode_all(cells).flat
steps = torch.linspace(0, 1, 9)
decoded = model.decode_greedily(torch.lerp(start, end, steps[:, None]), space.legality())
figure = interpolation_strip(list(decoded), space.types, steps.tolist(), title="A walk")
print(save_figure(figure, "walk.png"))
print(*space.hashes(decoded), sep="\n")
