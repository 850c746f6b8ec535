"""Open a model of rtrave's in upstream's code: python take_over.py FOLDER, as hand_over.py left it.

Runs in the interoperability environment. The weights are loaded by their names; what upstream's model makes of the
same signal is compared. Exit code 1 where a weight has no place, a place no weight, or the sound differs.
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
ATTENUATIONS_DB = (100, 70, 40)  # the filter bank has as many taps as this asks for
# What sounds. Upstream's model holds more: its discriminator, the windows of its losses, the design of its filter bank.
SOUNDS = ("encoder.", "decoder.", "pqmf.forward_conv.", "pqmf.inverse_conv.", "latent_", "fidelity")
PHASE = ".warmed_up"  # says how far upstream's training has come


def make_network(facts: dict, weights: dict) -> rave.RAVE:
    """Upstream's model whose filter bank has the taps of the weights."""
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
    raise SystemExit(f"no filter bank of upstream's has weights of {tuple(shape)}")


def error(came: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest deviation relative to the peak."""
    return float((came - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def main() -> None:
    """Load, compare, tell."""
    logging.disable(logging.ERROR)  # gin logs each place where it looks for a file
    folder = Path(sys.argv[1])
    facts = json.loads((folder / "given.json").read_text(encoding="utf-8"))
    with np.load(folder / "given.npz") as file:
        given = {name: torch.from_numpy(array) for name, array in file.items()}
    weights = {name.removeprefix("weight:"): value for name, value in given.items() if name.startswith("weight:")}
    model = make_network(facts, weights)
    found = model.load_state_dict(weights, strict=False)
    lacking = [name for name in found.missing_keys if name.startswith(SOUNDS) and not name.endswith(PHASE)]
    with fixed_draws():
        bands = model.pqmf(given["x"])
        z = model.encoder(bands).chunk(2, 1)[0]
        y = model.pqmf.inverse(model.decoder(given["z"]))
    errors = {"encode": error(z, given["z"]), "decode": error(y, given["y"])}
    print(f"{len(weights)} weights; without a place: {found.unexpected_keys or 'none'}; lacking: {lacking or 'none'}")
    print("  ".join(f"{name} differs by {value:.1e} of the peak" for name, value in errors.items()))
    sys.exit(bool(found.unexpected_keys or lacking or max(errors.values()) > TOLERANCE))


if __name__ == "__main__":
    main()
