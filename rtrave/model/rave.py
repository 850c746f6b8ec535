"""The model: filter bank, encoder, latent space and decoder, offline and one block at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.errors import RtraveError
from rtrave.layers.conv import fold_weight_norm
from rtrave.layers.pqmf import PQMF
from rtrave.layers.state import State
from rtrave.model import latent_space
from rtrave.model.decoder import generator_v2
from rtrave.model.encoder import encoder_v2
from rtrave.model.latent_space import NoiseSource, seeded_noise
from rtrave.model.spec import ModelSpec, NetworkSpec

MINIMUM_STD = 1e-4


class Model(nn.Module):
    """A variational RAVE model.

    `encode`, `decode` and the call work offline on whole signals, torch tensors in and out, on any thread. A live
    stream is made by `rtrave.stream`. The state dict has the names of RAVE's checkpoints.

    Parameters
    ----------
    network : NetworkSpec
    name : str
    sample_rate : int
        Hz.
    source : Path, optional
        The file or folder that the weights came from.
    """

    latent_pca: Tensor  # [D, D]
    latent_mean: Tensor  # [D]
    fidelity: Tensor  # [D]

    def __init__(self, network: NetworkSpec, name: str, sample_rate: int, source: Path | None = None) -> None:
        super().__init__()
        self.network, self.name, self.sample_rate, self.source = network, name, sample_rate, source
        self.pqmf = PQMF(network.bands, network.analysis_taps, network.synthesis_taps, network.channels)
        self.encoder = encoder_v2(network)
        self.decoder = generator_v2(network)
        self.register_buffer("latent_pca", torch.eye(network.latent_size))
        self.register_buffer("latent_mean", torch.zeros(network.latent_size))
        self.register_buffer("fidelity", torch.arange(1, network.latent_size + 1) / network.latent_size)

    @property
    def spec(self) -> ModelSpec:
        """The facts, read off the network as it is."""
        delay = self.decoder.delay(self.encoder.delay(0)) * self.network.bands
        return ModelSpec(
            name=self.name,
            architecture="v2",
            regularisation="variational",
            sample_rate=self.sample_rate,
            ratio=self.network.ratio,
            channels=self.network.channels,
            full_latent_size=self.network.latent_size,
            delay=delay,
            acoustic_delay=delay + self.pqmf.impulse_delay(),
            causal=True,
            parameters=sum(p.numel() for part in (self.encoder, self.decoder) for p in part.parameters()),
            fidelity=tuple(self.fidelity.tolist()),
            network=self.network,
        )

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """See `ModelSpec.get_dims_for_fidelity`."""
        return self.spec.get_dims_for_fidelity(fidelity)

    # Offline, [batch, channels, time]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation [B, D, N] of the latents of audio [B, C, T], T a multiple of the ratio."""
        if x.ndim != 3 or x.shape[1] != self.network.channels:
            raise RtraveError(f"audio of shape {tuple(x.shape)}: give [batch, {self.network.channels}, time]")
        self.spec.check_length(x.shape[2])
        mean, scale = self.encoder(self.pqmf.analysis(x)).chunk(2, dim=1)
        return mean, functional.softplus(scale) + MINIMUM_STD

    def encode(
        self,
        x: Tensor,
        postprocess: bool = False,
        temperature: float = 0.0,
        seed: int = 0,
        noise: NoiseSource | None = None,
    ) -> Tensor:
        """Audio [B, C, T] -> latents [B, D, N].

        Parameters
        ----------
        postprocess : bool
            Give the PCA's components, all of them, instead of the raw dimensions.
        temperature : float
            0 gives the posterior's mean; 1 samples it.
        seed : int
            Of the posterior's draws; `noise` replaces the source.
        """
        mean, std = self.posterior(x)
        z = mean
        if temperature:
            batch, dims, frames = mean.shape
            drawn = latent_space.draw_frames(noise or seeded_noise(seed), "posterior", 0, (batch, dims, frames))
            z = latent_space.sample_posterior(mean, std, temperature, torch.from_numpy(drawn).to(mean))
        return latent_space.compress(z, self.latent_pca, self.latent_mean) if postprocess else z

    def decode(self, z: Tensor, preprocess: bool = False, seed: int = 0, noise: NoiseSource | None = None) -> Tensor:
        """Latents [B, D, N] -> audio [B, C, N * ratio].

        Parameters
        ----------
        preprocess : bool
            `z` holds the first components of the PCA, [B, <= D, N]; the others are filled from the seeded noise source.
        """
        dims = self.network.latent_size
        low = 1 if preprocess else dims
        if z.ndim != 3 or not low <= z.shape[1] <= dims:
            raise RtraveError(
                f"latents of shape {tuple(z.shape)}: give [batch, {'1..' * preprocess}{dims}, latent frames]"
            )
        if preprocess:
            shape = (z.shape[0], dims - z.shape[1], z.shape[2])
            fill = latent_space.draw_frames(noise or seeded_noise(seed), "fill", 0, shape)
            components = torch.cat((z, torch.from_numpy(fill).to(z)), dim=1)
            z = latent_space.expand(components, self.latent_pca, self.latent_mean)
        return self.pqmf.synthesis(self.decoder(z))

    def forward(self, x: Tensor) -> Tensor:
        """Audio [B, C, T] -> audio [B, C, T], through the posterior's mean."""
        return self.decode(self.encode(x))

    # One block, time-major [batch, time, channels], with an explicit state

    def encode_step(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Audio [B, T, C] -> mean and std [B, N, D], and the next state; T is a multiple of the ratio."""
        bands, pqmf = self.pqmf.analysis_step(x, state["pqmf"])
        y, encoder = self.encoder.step(bands, state["encoder"])
        mean, scale = y.chunk(2, dim=2)
        return mean, functional.softplus(scale) + MINIMUM_STD, {"pqmf": pqmf, "encoder": encoder}

    def decode_step(self, z: Tensor, state: State, compensate: bool = True) -> tuple[Tensor, State]:
        """Latents [B, N, D] -> audio [B, T, C], and the next state.

        A decoder whose delay is an odd number of band samples needs its signs compensated before the synthesis;
        upstream does not do so (`compensate=False`), which weakens the cancellation of aliases.
        """
        bands, decoder = self.decoder.step(z, state["decoder"])
        phase = self.decoder.delay(0) % 2 if compensate else 0
        x, pqmf = self.pqmf.synthesis_step(bands, state["pqmf"], phase)
        return x, {"decoder": decoder, "pqmf": pqmf}

    def initial_state(self, part: str, batch: int) -> State:
        """State of the "encoder" or the "decoder" before the first sample."""
        dtype = self.latent_mean.dtype
        rows = batch * self.network.channels
        if part == "encoder":
            return {
                "pqmf": self.pqmf.forward_conv.initial_state(rows, dtype),
                "encoder": self.encoder.initial_state(batch, dtype),
            }
        return {
            "decoder": self.decoder.initial_state(batch, dtype),
            "pqmf": self.pqmf.inverse_conv.initial_state(rows, dtype),
        }


def folded(model: Model) -> Model:
    """A copy for inference whose weights are plain: the same network without weight norm."""
    plain = Model(replace(model.network, weight_norm=False), model.name, model.sample_rate, model.source)
    plain.load_state_dict(fold_weight_norm(model.state_dict()))
    return plain.to(model.latent_mean.dtype).eval()


def fingerprint(model: Model) -> str:
    """SHA-256 of the network's shape and weights, in hexadecimal."""
    digest = hashlib.sha256(json.dumps([asdict(model.network), model.sample_rate]).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(model: Model, state_dict: dict[str, Any], origin: str) -> None:
    """Put a state dict into a model; refuse what is missing, unknown, of another shape or not finite, in one line."""
    expected = model.state_dict()
    for name in sorted(expected.keys() | state_dict.keys()):
        if name not in state_dict or name not in expected:
            verb = "lacks" if name in expected else "has an unknown entry"
            raise RtraveError(f"{origin} {verb} {name!r}: it does not belong to this configuration")
        if state_dict[name].shape != expected[name].shape:
            came, fits = tuple(state_dict[name].shape), tuple(expected[name].shape)
            raise RtraveError(f"{origin}: {name!r} has the shape {came}, {fits} was expected: wrong configuration")
        if not torch.isfinite(state_dict[name]).all():
            raise RtraveError(
                f"{origin}: {name!r} holds NaN or infinity: the training broke, take an earlier checkpoint"
            )
    model.load_state_dict(state_dict)
