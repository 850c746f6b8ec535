"""Make one model with upstream's code: random weights of a useful scale, saved as by a training run.

Runs in the interoperability environment only, because it imports upstream's package. It contains no code of upstream.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cached_conv
import gin
import numpy as np
import pytorch_lightning as lightning
import rave
import torch
from cases import Case
from draws import FILL, fixed_draws
from rave import quantization
from torch import Tensor, nn

BLOCK = 2048
BLOCKS = 24


def seed_of(case: Case) -> int:
    """Return a seed that depends on the case's name alone."""
    return int.from_bytes(hashlib.sha256(case.name.encode()).digest()[:4], "big")


def make_input(case: Case, samples: int = BLOCK * BLOCKS) -> Tensor:
    """Return audio [1, C, samples] with a glide, noise and a rest, different in each channel, of peak 0.8."""
    random = np.random.default_rng(seed_of(case))
    time_s = np.arange(samples) / case.sample_rate
    rows = []
    for channel in range(case.channels):
        glide = np.sin(2 * np.pi * np.cumsum(110 * (channel + 1) * 2 ** (3 * time_s)) / case.sample_rate)
        envelope = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time_s + channel)
        row = 0.5 * glide * envelope + 0.1 * random.standard_normal(samples)
        row[samples // 2 : samples // 2 + 3000] *= 0.05
        rows.append(row / np.abs(row).max() * 0.8)
    return torch.from_numpy(np.array(rows, np.float32))[None]


def configure(case: Case) -> None:
    """Set upstream's configuration for a case."""
    gin.clear_config()
    gin.parse_config_files_and_bindings(case.configs, [*case.bindings, f"SAMPLING_RATE={case.sample_rate}"])


def make_network(case: Case, streaming: bool) -> Any:
    """Build upstream's model in evaluation mode."""
    cached_conv.use_cached_conv(streaming)
    channels = {} if case.channels == 1 else {"n_channels": case.channels}  # older versions than 2.3 lack the argument
    return rave.RAVE(**channels).eval()


def kind(*names: str) -> tuple[type, ...]:
    """Return the classes of these names that the installed version of upstream has."""
    return tuple(getattr(rave.blocks, name) for name in names if hasattr(rave.blocks, name))


def encode_raw(model: Any, x: Tensor) -> Tensor:
    """Return the raw encoder output [B, n, N] of audio [B, C, T], for an eager model or TorchScript of any version."""
    if getattr(model, "input_mode", "pqmf") == "pqmf":
        bands = model.pqmf(x.reshape(-1, 1, x.shape[2]))
        x = bands.reshape(x.shape[0], -1, bands.shape[2])
    return model.encoder(x)


def to_latent(model: Any, encoded: Tensor) -> tuple[Tensor, Tensor]:
    """Convert raw encoder output [1, n, N] to (decoder input, full-rank output of an export's `encode`)."""
    encoder, blocks = model.encoder, rave.blocks
    if isinstance(encoder, blocks.VariationalEncoder):
        latent = encoded.chunk(2, 1)[0]
        rotated = torch.einsum("rd,bdn->brn", model.latent_pca, latent - model.latent_mean[:, None])
        return latent, rotated
    if isinstance(encoder, blocks.SphericalEncoder):
        latent = encoded / encoded.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return latent, blocks.unit_norm_vector_to_angles(encoded.clone())
    if isinstance(encoder, blocks.DiscreteEncoder):
        compressed = encoder.rvq.encode(encoded).float()
        latent = encoder.rvq.decode(compressed.long())
    else:
        compressed = latent = encoded
    if width := getattr(encoder, "noise_augmentation", 0):
        augmentation = torch.full((1, width, latent.shape[2]), FILL)
        latent = torch.cat([latent, augmentation], 1)
    return latent, compressed


def _spread(model: Any, transfer: bool) -> None:
    """Randomise per channel every parameter and buffer that is initialised to a constant."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
        elif isinstance(module, kind("Snake")):
            module.alpha.data.uniform_(0.5, 2)
        elif transfer and isinstance(module, kind("AdaptiveInstanceNormalization")):
            for mean, std in ((module.mean_x, module.std_x), (module.mean_y, module.std_y)):
                mean.copy_(torch.randn(mean.shape[1:]) * 0.3)  # equal for all signals of a batch
                std.copy_(0.5 + 1.5 * torch.rand(std.shape[1:]))
            module.num_update_x.fill_(1)
            module.num_update_y.fill_(1)
        elif isinstance(module, quantization.ResidualVectorQuantization):
            for depth, layer in enumerate(module.layers):
                codebook = layer._codebook
                codebook.embed.normal_(0, 0.8**depth)
                codebook.embed_avg.copy_(codebook.embed)
                codebook.cluster_size.fill_(10)
                codebook.inited.fill_(1)
    for name, buffer in model.named_buffers():
        if name.endswith(("warmed_up", "encoder.enabled")):
            buffer.fill_(1)  # as after phase 1, where the noise synthesiser of v1 is active


def _scale(model: Any, x: Tensor) -> None:
    """Scale every convolution's output to about unit variance, so that an error in any layer reaches the output."""
    noise_heads = {
        module.net[-1] for module in model.modules() if isinstance(module, kind("NoiseGenerator", "NoiseGeneratorV2"))
    }

    def rescale(module: Any, _inputs: Any, output: Tensor) -> Tensor:
        # The synthesiser's amplitudes are a power of a sigmoid of (output - 5), which unit variance would make tiny.
        std = 4.0 if module in noise_heads else 1.0
        factor = std / float(output.std())
        (module.weight_g if hasattr(module, "weight_g") else module.weight).data.mul_(factor)
        return output * factor

    handles = []
    for part in (model.encoder, model.decoder):
        for module in part.modules():
            if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
                (module.weight_g if hasattr(module, "weight_g") else module.weight).data.mul_(
                    0.5 + torch.rand(module.weight.shape[0], 1, 1)
                )
                handles.append(module.register_forward_hook(rescale))
    with fixed_draws():
        model.decode(to_latent(model, encode_raw(model, x))[0])
    for handle in handles:
        handle.remove()


def _fill_latent_statistics(model: Any, case: Case) -> None:
    """Set a random rotation and mean, and the fidelity of variances that fall by a tenth per dimension."""
    if not isinstance(model.encoder, rave.blocks.VariationalEncoder):
        return
    size = model.latent_size
    rotation, _ = torch.linalg.qr(torch.randn(size, size))
    model.latent_pca.copy_(rotation)
    model.latent_mean.normal_(0, 0.3)
    variance = 0.9 ** torch.arange(size, dtype=torch.float64)
    model.fidelity.copy_(torch.cumsum(variance / variance.sum(), 0))


class EMA(lightning.Callback):
    """A callback that stores averaged weights in the checkpoint, under the name of upstream's callback."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.weights = weights

    def state_dict(self) -> dict[str, Tensor]:
        return dict(self.weights)


def _save_checkpoint(model: Any, path: Path, callbacks: list[lightning.Callback]) -> None:
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False
    )
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)


@torch.no_grad()
def make_run(case: Case, folder: Path) -> dict[str, Any]:
    """Make the model and its run folder; return facts for meta.json."""
    torch.manual_seed(seed_of(case))
    configure(case)
    model = make_network(case, streaming=False)
    _spread(model, case.transfer)
    _scale(model, make_input(case))
    _fill_latent_statistics(model, case)
    checkpoint = folder / case.checkpoint
    checkpoint.parent.mkdir(parents=True)
    names = ("WarmupCallback", "QuantizeCallback")
    callbacks = [getattr(rave.model, name)() for name in names if hasattr(rave.model, name)]
    if case.ema:
        callbacks.append(EMA({name: value.clone() for name, value in model.named_parameters()}))
        for module in model.decoder.modules():  # the last weights differ from the averaged ones
            if hasattr(module, "weight_g"):
                module.weight_g.data.mul_(1.1)
    _save_checkpoint(model, checkpoint, callbacks)
    (folder / "config.gin").write_text(gin.operative_config_str())
    return {
        "state_dict": {name: list(value.shape) for name, value in model.state_dict().items()},
        "encoder": type(model.encoder).__name__,
        "decoder": type(model.decoder).__name__,
        "full_latent_size": model.latent_size,
        "n_params": sum(p.numel() for part in (model.encoder, model.decoder) for p in part.parameters()),
    }
