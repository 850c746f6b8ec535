"""A model as TorchScript for nn~: methods `encode`, `decode` and `forward`, made with the package nn-tilde.

The step of the model is traced for one latent frame, its state packed into one row per signal; a scripted loop goes
through the frames of a block. Needs the optional package nn-tilde.
"""

from __future__ import annotations

import warnings
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
MAX_BATCH = 64  # signals side by side that mc.nn~ may ask for


def find_package() -> Any:
    """The module `nn_tilde`; RtraveError where it is not installed."""
    try:
        import nn_tilde
    except ImportError as error:
        raise RtraveError(
            f"the package nn-tilde is missing ({error}): pip install --no-deps {PACKAGE} cached-conv==2.5.0"
        ) from error
    return nn_tilde


class _Packed(nn.Module):
    """One part of a model for one latent frame, [B, channels, time] in and out, with its state as [B, S].

    Parameters
    ----------
    model : Model
        With plain weights.
    part : str
        "encoder" or "decoder".
    """

    def __init__(self, model: Model, part: str) -> None:
        super().__init__()
        self.model, self.part = model, part
        self.like: State = model.initial_state(part, 1)

    def pack(self, state: State, batch: int) -> Tensor:
        """A state as rows: what several rows of one signal hold stands side by side."""
        leaves = flatten(state)  # a step may give them in another order
        return torch.cat([leaves[name].reshape(batch, -1) for name in flatten(self.like)], dim=1)

    def unpack(self, packed: Tensor) -> State:
        """The inverse of `pack`."""
        leaves, start = {}, 0
        for name, leaf in flatten(self.like).items():
            row = packed[:, start : start + leaf.numel()]
            leaves[name] = row.reshape(-1, *leaf.shape[1:])
            start += leaf.numel()
        return unflatten(leaves, self.like)


class _Encode(_Packed):
    """Audio [B, C, ratio] -> latents [B, D, 1], and the form of them musicians know [B, D', 1]."""

    def forward(self, x: Tensor, packed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        model, state, network = self.model, self.unpack(packed), self.model.network
        bank = model.raw if network.raw_input else model.pqmf
        bands, pqmf = bank.analysis_step(x.transpose(1, 2), branch(state, "pqmf"))
        raw, encoder = streaming(model.encoder.encoder).step(bands, branch(state, "encoder"))
        z = model.encoder.latents(raw, 2)[0].transpose(1, 2)
        if network.regularisation == "discrete":  # of the raw output: of vectors the nearest codes can be others
            known = model.encoder.rvq.encode(raw).transpose(1, 2).to(x)
        else:
            known = model.postprocess(z)
        return z, known, self.pack({"pqmf": pqmf, "encoder": encoder}, x.shape[0])


class _Decode(_Packed):
    """Latents [B, D, 1] and draws of each kind -> audio [B, C, ratio]."""

    def forward(self, z: Tensor, augmentation: Tensor, synth: Tensor, packed: Tensor) -> tuple[Tensor, Tensor]:
        kinds = {"augmentation": augmentation, "synth": synth}
        draws = {kind: kinds[kind] for kind in self.model.draw_shapes()}
        y, state = self.model.decode_step(z.transpose(1, 2), self.unpack(packed), draws, compensate=False)
        return y.transpose(1, 2), self.pack(state, z.shape[0])


class _Expand(nn.Module):
    """Latents in the form musicians know [B, D', 1] -> latents [B, D, 1]."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, known: Tensor) -> Tensor:
        if self.model.network.regularisation == "variational":  # all components are there: nothing to fill
            return latent_space.expand(known, self.model.latent_pca, self.model.latent_mean)
        return self.model.preprocess(known, seeded_noise(0))


def _traced(part: nn.Module, *inputs: Tensor) -> Any:
    """A part as TorchScript, for any batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and shapes that never change are constants
        return torch.jit.trace(part.eval(), inputs, check_trace=False)


def musical_size(model: Model) -> int:
    """Latents that `encode` gives in nn~: all components, angles, or codes."""
    sizes = {"spherical": model.network.latent_size - 1, "discrete": model.network.quantizers}
    return sizes.get(model.network.regularisation, model.network.latent_size)


def export_nn_tilde(model: Model, path: Path) -> Path:
    """Write a `.ts` for nn~, tried out by the package's own checks; returns its path.

    It sounds as `rtrave.stream(model, compat="nn~")`. `encode` gives all latents in the form musicians know, and
    `decode` takes them.

    Raises
    ------
    RtraveError
        nn-tilde is missing, the model cannot step one latent frame, the package's checks refuse it, or the file
        cannot be written.
        file cannot be written.
    """
    base = find_package().Module
    if model.frames_per_step > 1:
        raise RtraveError(
            f"{model.name} steps {model.frames_per_step} latent frames at once, nn~ asks for single ones: "
            "export it as onnx"
        )
    plain = folded(model).to(torch.float32)
    for parameter in plain.parameters():
        parameter.requires_grad_(False)
    part = path.with_suffix(".part")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _wrapper(base, plain).export_to_ts(str(part))
            part.replace(path)
        except (OSError, ValueError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise RtraveError(f"cannot export {model.name} to {path}: {str(error).splitlines()[0]}") from error
    return path


def _wrapper(base: Any, model: Model) -> Any:
    """The object that nn-tilde checks and writes."""
    network, size = model.network, musical_size(model)
    shapes = model.draw_shapes()
    rows, width = shapes.get("synth", (0, 0))
    extra = shapes["augmentation"][1] if "augmentation" in shapes else 0
    encoder, decoder = _Encode(model, "encoder"), _Decode(model, "decoder")
    begin = [part.pack(part.like, 1).detach() for part in (encoder, decoder)]
    block, draws = (
        torch.zeros(1, network.channels, network.ratio),
        (torch.zeros(1, 1, extra), torch.zeros(1, rows, width)),
    )
    traced_encoder = _traced(encoder, block, begin[0])
    traced_decoder = _traced(decoder, torch.zeros(1, network.latent_size, 1), *draws, begin[1])
    traced_expand = _traced(_Expand(model), torch.zeros(1, size, 1))

    class RtraveModel(base):
        """Encoder and decoder, and what they remember, one row for each signal of a batch."""

        def __init__(self) -> None:
            super().__init__(model.sample_rate)
            self.ratio, self.extra, self.rows, self.width = network.ratio, extra, rows, width
            self.encoder, self.decoder, self.expand = traced_encoder, traced_decoder, traced_expand
            self.register_buffer("encoder_state", begin[0].repeat(MAX_BATCH, 1))
            self.register_buffer("decoder_state", begin[1].repeat(MAX_BATCH, 1))
            latents = [f"(signal) latent {i}" for i in range(size)]
            sound = [f"(signal) channel {i}" for i in range(network.channels)]
            long = 4 * network.ratio  # samples that the package's checks play
            for name, ins, outs in (("encode", sound, latents), ("decode", latents, sound), ("forward", sound, sound)):
                in_ratio, out_ratio = (network.ratio if labels is latents else 1 for labels in (ins, outs))
                self.register_method(name, len(ins), in_ratio, len(outs), out_ratio, ins, outs, test_buffer_size=long)
            self.encoder_state.copy_(begin[0].expand(MAX_BATCH, -1))
            self.decoder_state.copy_(begin[1].expand(MAX_BATCH, -1))

        def encoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
            state = self.encoder_state[: x.shape[0]].clone()
            latents: list[Tensor] = []
            known: list[Tensor] = []
            for block in x.split(self.ratio, 2):
                z, musical, state = self.encoder(block, state)
                latents.append(z)
                known.append(musical)
            self.encoder_state[: x.shape[0]] = state
            return torch.cat(latents, 2), torch.cat(known, 2)

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
