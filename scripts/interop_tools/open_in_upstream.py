"""Open a model of rtrave in upstream's code: python open_in_upstream.py FOLDER, which export_to_upstream.py wrote.

Runs in the interoperability environment. It loads the weights by their names, and compares the outputs for the same
signal. The exit code is 1 if a weight is unknown to upstream, if one is missing, or if the outputs differ.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import cached_conv
import gin
import numpy as np
import rave
import torch
from draws import fixed_draws

TOLERANCE = 1e-4  # of the peak
ATTENUATIONS_DB = (100, 70, 40)  # determine the number of taps of the filter bank
# Weights that affect the sound. Upstream's model has others: discriminator, windows of losses, design of the bank.
SOUNDING = ("encoder.", "decoder.", "pqmf.forward_conv.", "pqmf.inverse_conv.", "latent_", "fidelity")
PHASE = ".warmed_up"  # the phase of upstream's training


def make_network(facts: dict, weights: dict) -> rave.RAVE:
    """Build upstream's model with a filter bank of the length of the weights."""
    shape = weights["pqmf.forward_conv.weight"].shape
    for attenuation_db in ATTENUATIONS_DB:
        gin.clear_config()
        configs = ["v2.gin", *(["causal.gin"] if facts["causal"] else [])]
        bank = f"pqmf.CachedPQMF.attenuation={attenuation_db}"
        gin.parse_config_files_and_bindings(configs, [*facts["bindings"], bank])
        cached_conv.use_cached_conv(False)
        model = rave.RAVE().eval()
        if model.state_dict()["pqmf.forward_conv.weight"].shape == shape:
            return model
    raise SystemExit(f"pqmf.forward_conv.weight: expected a shape of upstream's filter banks, got {tuple(shape)}")


def error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest deviation relative to the expected peak."""
    return float((actual - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def main() -> None:
    """Load the weights, compare the outputs, and print the result."""
    logging.disable(logging.ERROR)  # gin logs each path that it tries
    folder = Path(sys.argv[1])
    facts = json.loads((folder / "given.json").read_text(encoding="utf-8"))
    with np.load(folder / "given.npz") as file:
        given = {name: torch.from_numpy(array) for name, array in file.items()}
    weights = {name.removeprefix("weight:"): value for name, value in given.items() if name.startswith("weight:")}
    model = make_network(facts, weights)
    found = model.load_state_dict(weights, strict=False)
    missing = [name for name in found.missing_keys if name.startswith(SOUNDING) and not name.endswith(PHASE)]
    with fixed_draws():
        bands = model.pqmf(given["x"])
        z = model.encoder(bands).chunk(2, 1)[0]
        y = model.pqmf.inverse(model.decoder(given["z"]))
    errors = {"encode": error(z, given["z"]), "decode": error(y, given["y"])}
    print(f"{len(weights)} weights; unknown: {found.unexpected_keys or 'none'}; missing: {missing or 'none'}")
    print("  ".join(f"{name} differs by {value:.1e} of the peak" for name, value in errors.items()))
    sys.exit(bool(found.unexpected_keys or missing or max(errors.values()) > TOLERANCE))


if __name__ == "__main__":
    main()
