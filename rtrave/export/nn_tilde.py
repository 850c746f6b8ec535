"""Export of a model as TorchScript for nn~, with the methods `encode`, `decode` and `forward`.

The step of the model for one latent frame is traced, with its state packed into one row per signal. A scripted loop
runs it over the frames of a block. Needs the optional package nn-tilde.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.state import State, branch, flatten, streaming, unflatten
from rtrave.model import latent_space
from rtrave.model.latent_space import seeded_noise
from rtrave.model.rave import Model
from rtrave.model.weights import folded

PACKAGE = "nn-tilde==1.6.0"
LICENCE_NOTE = (
    "the package nn-tilde makes this file and leaves code of its own in it; its setup says MIT, its repository "
    "CC BY-NC 4.0: check that your use is allowed"
)
MAX_BATCH = 64  # most parallel signals of mc.nn~


def find_package() -> Any:
    """Import the module `nn_tilde`, which has no types; RtraveError if it is not installed."""
    try:
        import nn_tilde
    except ImportError as error:
        raise RtraveError(
            f"--format nn-tilde: the package nn-tilde is missing ({error}): pip install --no-deps {PACKAGE} "
            "cached-conv==2.5.0"
        ) from error
    return nn_tilde


class _Packed(nn.Module):
    """One part of a model for one latent frame, with its state packed into a tensor [B, S].

    Parameters
    ----------
    model : Model
        A model with plain weights, without weight normalisation.
    part : str
        "encoder" or "decoder".
    """

    def __init__(self, model: Model, part: str) -> None:
        super().__init__()
        self.model, self.part = model, part
        self.like: State = model.initial_state(part, 1)

    def pack(self, state: State, batch: int) -> Tensor:
        """Pack a state into one row per signal, [batch, S]."""
        leaves = flatten(state)  # the step may return them in another order
        return torch.cat([leaves[name].reshape(batch, -1) for name in flatten(self.like)], dim=1)

    def unpack(self, packed: Tensor) -> State:
        """Invert `pack`."""
        leaves, start = {}, 0
        for name, leaf in flatten(self.like).items():
            row = packed[:, start : start + leaf.numel()]
            leaves[name] = row.reshape(-1, *leaf.shape[1:])
            start += leaf.numel()
        return unflatten(leaves, self.like)


class _Encode(_Packed):
    """Encoder step: audio [B, C, ratio] to full-space latents [B, D, 1] and compressed latents [B, D', 1]."""

    def forward(self, x: Tensor, packed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        model, state, network = self.model, self.unpack(packed), self.model.network
        bank = model.raw if network.raw_input else model.pqmf
        bands, pqmf = bank.analysis_step(x.transpose(1, 2), branch(state, "pqmf"))
        raw, encoder = streaming(model.encoder.encoder).step(bands, branch(state, "encoder"))
        z = model.encoder.latents(raw, 2)[0].transpose(1, 2)
        if network.regularisation == "discrete":  # the codes of the quantised vector could differ from these
            compressed = model.encoder.rvq.encode(raw).transpose(1, 2).to(x)
        else:
            compressed = model.postprocess(z)
        return z, compressed, self.pack({"pqmf": pqmf, "encoder": encoder}, x.shape[0])


class _Decode(_Packed):
    """Decoder step: latents [B, D, 1] and the random draws of each kind to audio [B, C, ratio]."""

    def forward(self, z: Tensor, augmentation: Tensor, synth: Tensor, packed: Tensor) -> tuple[Tensor, Tensor]:
        kinds = {"augmentation": augmentation, "synth": synth}
        draws = {kind: kinds[kind] for kind in self.model.draw_shapes()}
        y, state = self.model.decode_step(z.transpose(1, 2), self.unpack(packed), draws, compensate=False)
        return y.transpose(1, 2), self.pack(state, z.shape[0])


class _Expand(nn.Module):
    """Inverse of the compression: compressed latents [B, D', 1] to full-space latents [B, D, 1]."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, compressed: Tensor) -> Tensor:
        if self.model.network.regularisation == "variational":  # all components are given, so none is drawn
            return latent_space.expand(compressed, self.model.latent_pca, self.model.latent_mean)
        return self.model.preprocess(compressed, seeded_noise(0))


@dataclass(frozen=True, eq=False)
class _TracedParts:
    """Encoder, decoder and expander of a model as TorchScript, their initial states, and the shapes of their noise.

    Attributes
    ----------
    encoder, decoder, expand : TorchScript
        Traced `_Encode`, `_Decode` and `_Expand`, for any batch.
    encoder_state, decoder_state : Tensor
        Packed initial states, [1, S].
    extra : int
        Augmentation channels: noise that the decoder takes beside the latents.
    rows, width : int
        Shape of the noise synthesiser's draws for one latent frame.
    """

    encoder: Any
    decoder: Any
    expand: Any
    encoder_state: Tensor
    decoder_state: Tensor
    extra: int
    rows: int
    width: int


def compressed_size(model: Model) -> int:
    """Return the number of latents of `encode` in nn~: all components, angles, or codes."""
    sizes = {"spherical": model.network.latent_size - 1, "discrete": model.network.quantizers}
    return sizes.get(model.network.regularisation, model.network.latent_size)


def export_nn_tilde(model: Model, path: Path) -> Path:
    """Write a `.ts` for nn~, which the checks of nn-tilde have run once, and return its path.

    It sounds as `rtrave.stream(model, compat="nn~")`. `encode` returns all compressed latents, and `decode` takes them.

    Raises
    ------
    RtraveError
        nn-tilde is missing, the model cannot step one latent frame, the checks of the package fail, or the file
        cannot be written.
    """
    base = find_package().Module
    if model.frames_per_step > 1:
        raise RtraveError(
            f"{model.name}: expected a model that steps one latent frame, as nn~ does, got one that steps "
            f"{model.frames_per_step}: export it with --format onnx"
        )
    plain = folded(model).to(torch.float32)
    for parameter in plain.parameters():
        parameter.requires_grad_(False)
    part = path.with_suffix(".part")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _wrapper(base, plain, _trace(plain)).export_to_ts(str(part))
            part.replace(path)
        except (OSError, ValueError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise RtraveError(f"cannot export {model.name} to '{path}': {str(error).splitlines()[0]}") from error
    return path


def _trace(model: Model) -> _TracedParts:
    network, shapes = model.network, model.draw_shapes()
    rows, width = shapes.get("synth", (0, 0))
    extra = shapes["augmentation"][1] if "augmentation" in shapes else 0
    encoder, decoder = _Encode(model, "encoder"), _Decode(model, "decoder")
    states = [part.pack(part.like, 1).detach() for part in (encoder, decoder)]
    block = torch.zeros(1, network.channels, network.ratio)
    draws = (torch.zeros(1, 1, extra), torch.zeros(1, rows, width))
    return _TracedParts(
        encoder=_traced(encoder, block, states[0]),
        decoder=_traced(decoder, torch.zeros(1, network.latent_size, 1), *draws, states[1]),
        expand=_traced(_Expand(model), torch.zeros(1, compressed_size(model), 1)),
        encoder_state=states[0],
        decoder_state=states[1],
        extra=extra,
        rows=rows,
        width=width,
    )


def _traced(part: nn.Module, *inputs: Tensor) -> Any:
    """Trace a part to TorchScript; PyTorch does not type the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and tracing warns of shapes that are constant here
        return torch.jit.trace(part.eval(), inputs, check_trace=False)


def _wrapper(base: Any, model: Model, parts: _TracedParts) -> Any:
    """Build the object that nn-tilde checks and writes; `base` is its class `Module`, which has no types."""

    class RtraveModel(base):
        """Encoder and decoder with their states, one row for each signal of a batch."""

        def __init__(self) -> None:
            super().__init__(model.sample_rate)
            self.ratio, self.extra, self.rows, self.width = model.network.ratio, parts.extra, parts.rows, parts.width
            self.encoder, self.decoder, self.expand = parts.encoder, parts.decoder, parts.expand
            self.register_buffer("encoder_state", parts.encoder_state.repeat(MAX_BATCH, 1))
            self.register_buffer("decoder_state", parts.decoder_state.repeat(MAX_BATCH, 1))
            _register_methods(self, model)  # nn-tilde plays a block through each method, so the states are reset next
            self.encoder_state.copy_(parts.encoder_state.expand(MAX_BATCH, -1))
            self.decoder_state.copy_(parts.decoder_state.expand(MAX_BATCH, -1))

        def encoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
            state = self.encoder_state[: x.shape[0]].clone()
            latents: list[Tensor] = []
            compressed: list[Tensor] = []
            for block in x.split(self.ratio, 2):
                z, known, state = self.encoder(block, state)
                latents.append(z)
                compressed.append(known)
            self.encoder_state[: x.shape[0]] = state
            return torch.cat(latents, 2), torch.cat(compressed, 2)

        def decoded(self, z: Tensor) -> Tensor:
            state = self.decoder_state[: z.shape[0]].clone()
            blocks: list[Tensor] = []
            for frame in z.split(1, 2):
                normal = torch.randn(z.shape[0], 1, self.extra, device=z.device)
                white = torch.rand(z.shape[0], self.rows, self.width, device=z.device)
                y, state = self.decoder(frame, normal, white, state)
                blocks.append(y)
            self.decoder_state[: z.shape[0]] = state
            return torch.cat(blocks, 2)

        @torch.jit.export
        def encode(self, x: Tensor) -> Tensor:
            return self.encoded(x)[1]

        @torch.jit.export
        def decode(self, z: Tensor) -> Tensor:
            return self.decoded(torch.cat([self.expand(frame) for frame in z.split(1, 2)], 2))

        def forward(self, x: Tensor) -> Tensor:
            return self.decoded(self.encoded(x)[0])

    return RtraveModel().eval()


def _register_methods(wrapper: Any, model: Model) -> None:
    """Register the methods with nn-tilde, with the names and rates of their inputs and outputs."""
    ratio = model.network.ratio
    latents = [f"(signal) latent {i}" for i in range(compressed_size(model))]
    sound = [f"(signal) channel {i}" for i in range(model.network.channels)]
    test_samples = 4 * ratio  # length of the block that the package's checks play
    for name, ins, outs in (("encode", sound, latents), ("decode", latents, sound), ("forward", sound, sound)):
        in_ratio, out_ratio = (ratio if labels is latents else 1 for labels in (ins, outs))
        wrapper.register_method(
            name, len(ins), in_ratio, len(outs), out_ratio, ins, outs, test_buffer_size=test_samples
        )
