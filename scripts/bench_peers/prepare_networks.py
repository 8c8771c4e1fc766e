#!/usr/bin/env python3
"""Write the network of a model, as adamcmp builds it for each seed, to a file of torch.save.

scripts/bench_peers/prepare_networks.py mnist1d vit 2 networks.pt
"""

import argparse
from pathlib import Path

import torch
from torch import nn

from adamcmp.components.layers import Patches, Positions, TokenMean
from adamcmp.components.models.vit import ViT
from adamcmp.config import Composer
from adamcmp.training.step.initialization import build_network


def of_torchs_layers(vit: ViT, network: nn.Sequential) -> nn.Sequential:
    """Return the transformer with torch's encoder between the same first and last layers."""
    layer = nn.TransformerEncoderLayer(
        *(vit.width, vit.heads, vit.mlp_width),
        dropout=vit.dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    norm = nn.LayerNorm(vit.width)
    encoder = nn.TransformerEncoder(layer, vit.depth, norm, enable_nested_tensor=False)
    first = [module for module in network if isinstance(module, Patches | Positions)]
    embedding, head = (module for module in network if isinstance(module, nn.Linear))
    return nn.Sequential(first[0], embedding, first[1], encoder, TokenMean(), head)


def main() -> None:
    """Build the networks and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("model")
    parser.add_argument("seeds", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--torch", action="store_true", help="model=vit of TransformerEncoder")
    options = parser.parse_args()
    run = Composer().run([f"dataset={options.dataset}", f"model={options.model}"]).runs[0]
    shape, model = run.dataset.load().shape, run.model
    networks = [build_network(model, shape, seed) for seed in range(options.seeds)]
    if options.torch:
        networks = [of_torchs_layers(model, network) for network in networks]
    torch.save(networks, options.file)


if __name__ == "__main__":
    main()
