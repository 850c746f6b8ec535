"""Outputs of upstream's models for the input of a case: eager, streamed, and from TorchScript.

Runs in the interoperability environment only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from build import BLOCK, configure, encode_raw, make_input, make_network, to_latent
from cases import Case
from draws import fixed_draws
from torch import Tensor


def load_weights(model: Any, case: Case, folder: Path) -> None:
    """Load the checkpoint's weights, or the averaged weights if the case exports those."""
    file = torch.load(folder / case.checkpoint, map_location="cpu")
    model.load_state_dict(file["state_dict"])
    if case.ema:
        model.load_state_dict(file["callbacks"]["EMA"], strict=False)


@torch.no_grad()
def eager_vectors(case: Case, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return offline and streamed outputs of the eager model, and facts about it."""
    configure(case)
    x = make_input(case)
    offline = make_network(case, streaming=False)
    load_weights(offline, case, folder)
    with fixed_draws() as draws:
        encoded = encode_raw(offline, x)
        latent, compressed = to_latent(offline, encoded)
        decoded = offline.decode(latent)
    ratio = x.shape[2] // encoded.shape[2]
    arrays = {"x": x, "encoded": encoded, "latent": latent, "compressed": compressed, "decoded": decoded}
    facts = {"ratio": ratio, "block": BLOCK, "draws_of_decode": draws.count}

    cached = make_network(case, streaming=True)
    load_weights(cached, case, folder)
    with fixed_draws():
        cached.decode(torch.zeros_like(latent[:, :, : BLOCK // ratio]))  # the first call creates the caches
        encode_raw(cached, x[:, :, :BLOCK])
        clear_caches(cached)
        arrays["stream_encoded"] = torch.cat([encode_raw(cached, b) for b in x.split(BLOCK, 2)], 2)
        arrays["stream_decoded"] = torch.cat([cached.decode(b) for b in latent.split(BLOCK // ratio, 2)], 2)
    facts["encoder_cumulative_delay"] = getattr(cached.encoder.encoder.net, "cumulative_delay", None)
    facts["decoder_cumulative_delay"] = getattr(cached.decoder.net, "cumulative_delay", None)
    facts["pqmf_cumulative_delay"] = [
        cached.pqmf.forward_conv.cumulative_delay,
        cached.pqmf.inverse_conv.cumulative_delay,
    ]
    return {name: array.numpy() for name, array in arrays.items()}, facts


def clear_caches(module: Any) -> int:
    """Zero the caches of a stream; return their number."""
    caches = [buffer for name, buffer in module.named_buffers() if name.endswith((".pad", ".cache"))]
    for buffer in caches:
        buffer.zero_()
    return len(caches)


def _script_facts(model: Any) -> dict[str, Any]:
    return {
        "caches": clear_caches(model),
        "class": model.original_name,
        "methods": list(model.get_methods()),
        "attributes": list(model.get_attributes()),
        "params": {name: b.tolist() for name, b in model.named_buffers() if name.endswith("_params")},
    }


@torch.no_grad()
def script_vectors(case: Case, script: Path, compressed: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the outputs of each method of a TorchScript file, block by block from a cleared state."""
    model = torch.jit.load(str(script), map_location="cpu").eval()
    x = make_input(case)
    facts = _script_facts(model)
    block_frames = BLOCK // int(model.encode_params[3])
    arrays = {}

    def play(name: str, method: Any, signal: Tensor, size: int, posterior: float = 0.0) -> None:
        clear_caches(model)
        with fixed_draws(posterior) as draws:
            arrays[name] = torch.cat([method(block) for block in signal.split(size, 2)], 2)
        facts[f"draws_{name}"] = draws.count

    play("ts_encode", model.encode, x, BLOCK)
    # The raw encoder output, because `encode` may drop dimensions.
    play("ts_encoded", lambda block: encode_raw(model, block), x, BLOCK)
    # Upstream's angles of a silent first frame are not finite, but the decoder's input must be.
    arrays["ts_latent"] = torch.nan_to_num(torch.from_numpy(compressed), nan=0.0)
    if case.upstream < "2.3":  # `decode` took exactly as many latents as `encode` returned
        arrays["ts_latent"] = arrays["ts_latent"][:, : model.latent_size]
    play("ts_decode", model.decode, arrays["ts_latent"], block_frames)
    with fixed_draws():
        arrays["ts_decoder_input"] = model.pre_process_latent(arrays["ts_latent"].clone())
        if model.original_name.startswith("Discrete"):
            arrays["ts_quantised"] = model.encoder.rvq.decode(arrays["ts_encode"].long())
    if model.original_name.startswith("Variational"):
        play("ts_encode_std", model.encode, x, BLOCK, posterior=1.0)
        play("ts_decode_cropped", model.decode, arrays["ts_encode"], block_frames)
    play("ts_forward", model.forward, x, BLOCK)
    return {name: array.numpy() for name, array in arrays.items()}, facts
