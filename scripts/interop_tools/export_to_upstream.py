"""Export a model of rtrave for upstream's code: python export_to_upstream.py MODEL FOLDER. Runs with rtrave's .venv.

It writes the weights, a test signal and rtrave's output for it to `given.npz` in FOLDER, and upstream's configuration
to `given.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

import rtrave
from rtrave.errors import RtraveError
from rtrave.model.probe import zero_noise

FRAMES = 24


def bindings(model: rtrave.Model) -> list[str]:
    """Return upstream's configuration as gin bindings; the filter bank is part of the weights."""
    network = model.network
    if network.encoder.version != 2 or network.regularisation != "variational" or model.decoder.noise is not None:
        raise RtraveError(
            "expected a variational model of RAVE's second version without a noise synthesiser, got another one"
        )
    return [
        f"SAMPLING_RATE={model.sample_rate}",
        f"CAPACITY={network.encoder.capacity}",
        f"LATENT_SIZE={network.latent_size}",
        f"RATIOS={list(network.encoder.ratios)}",
        f"KERNEL_SIZE={network.encoder.kernel_size}",
        f"DILATIONS={[list(stage) for stage in network.encoder.dilations]}",
    ]


@torch.no_grad()
def main() -> None:
    """Write both files."""
    model = rtrave.load(sys.argv[1])
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    ratio = model.network.ratio
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, FRAMES * ratio)).astype(np.float32) / 8)
    z = model.encode(x)
    arrays = {"x": x, "z": z, "y": model.decode(z, noise=zero_noise)}
    arrays |= {f"weight:{name}": value for name, value in model.state_dict().items()}
    np.savez(folder / "given.npz", **{name: value.numpy() for name, value in arrays.items()})
    facts = {"bindings": bindings(model), "causal": model.network.padding == "causal"}
    (folder / "given.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
