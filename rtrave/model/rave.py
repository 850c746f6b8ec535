"""The model: filter bank, encoder, latent space and decoder, offline and one block at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.pqmf import PQMF, NoPQMF
from rtrave.layers.state import State, streaming
from rtrave.model import latent_space
from rtrave.model.architectures import architecture_of
from rtrave.model.decoder import decoder_network
from rtrave.model.latent_space import NoiseSource, draw_frames, seeded_noise
from rtrave.model.regularisation import Encoder, from_angles, to_angles
from rtrave.model.spec import ModelSpec, NetworkSpec, check_length, known_latent_size


class Model(nn.Module):
    """A RAVE model.

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

    Attributes
    ----------
    discriminator : nn.Module or None
        Where the file has one.
    """

    latent_pca: Tensor  # [D, D]
    latent_mean: Tensor  # [D]
    fidelity: Tensor  # [D]

    def __init__(self, network: NetworkSpec, name: str, sample_rate: int, source: Path | None = None) -> None:
        super().__init__()
        self.network, self.name, self.sample_rate, self.source = network, name, sample_rate, source
        taps = network.analysis_taps, network.synthesis_taps
        self.pqmf = PQMF(network.bands, *taps, network.channels, network.padding)
        self.raw = NoPQMF(network.channels)
        self.encoder = Encoder(network)
        self.decoder = decoder_network(network)
        self.discriminator: nn.Module | None = None
        self.register_buffer("latent_pca", torch.eye(network.latent_size))
        self.register_buffer("latent_mean", torch.zeros(network.latent_size))
        self.register_buffer("fidelity", torch.arange(1, network.latent_size + 1) / network.latent_size)

    @property
    def spec(self) -> ModelSpec:
        """The facts, read off the network as it is."""
        network = self.network
        fidelity = tuple(self.fidelity.tolist()) if network.regularisation == "variational" else ()
        delay = self.encoder_delay() + self.decoder_delay()
        return ModelSpec(
            name=self.name,
            architecture=architecture_of(network),
            regularisation=network.regularisation,
            sample_rate=self.sample_rate,
            ratio=network.ratio,
            channels=network.channels,
            latent_size=known_latent_size(network, fidelity),
            full_latent_size=network.latent_size,
            delay=delay,
            acoustic_delay=delay + self._bank_delay(),
            causal=network.padding == "causal",
            parameters=sum(p.numel() for part in (self.encoder, self.decoder) for p in part.parameters()),
            fidelity=fidelity,
            network=network,
        )

    @property
    def input_bank(self) -> PQMF | NoPQMF:
        """What makes the encoder's input of audio."""
        return self.raw if self.network.raw_input else self.pqmf

    @property
    def output_bank(self) -> PQMF | NoPQMF:
        """What makes audio of the decoder's output."""
        return self.raw if self.network.raw_output else self.pqmf

    def _bank_delay(self) -> int:
        """Samples by which the filters alone, offline, are late."""
        if self.input_bank is self.output_bank:
            return self.input_bank.impulse_delay()
        left, right = (self.pqmf.forward_conv if self.network.raw_output else self.pqmf.inverse_conv).padding
        return (left - right) // 2 * (1 if self.network.raw_output else self.network.bands)

    def encoder_delay(self) -> int:
        """Samples: the stream's latents are the offline ones of an input that comes so much later."""
        return int(self.encoder.encoder.delay(self.input_bank.analysis_delay()) * self.network.ratio)

    def decoder_delay(self) -> int:
        """Samples by which the stream's output is late against the offline one of the same latents."""
        return int(self.output_bank.synthesis_delay(self.decoder.delay(Fraction(0))))

    @property
    def receptive_fields(self) -> dict[str, int | None]:
        """Past that one step of the stream can depend on: "encoder" in audio samples, "decoder" in latent frames.

        Counted back from the newest input of the step (`frames_per_step` latent frames), for its oldest output. None
        has no bound: adaptive instance norm that learns.
        """
        bands = self.encoder.encoder.receptive_field(self.frames_per_step - 1)
        encoder = None if bands is None else self.input_bank.analysis_field(bands)
        oldest = self.output_bank.synthesis_field(self.frames_per_step * self.network.ratio - 1)
        return {"encoder": encoder, "decoder": self.decoder.receptive_field(oldest)}

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """See `ModelSpec.get_dims_for_fidelity`."""
        return self.spec.get_dims_for_fidelity(fidelity)

    # Offline, [batch, channels, time]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation [B, D, N] of the latents of audio [B, C, T], T a multiple of the ratio."""
        return self.encoder.latents(self.encoder(self.input_bank.analysis(self._checked(x))), 1)

    def _checked(self, x: Tensor) -> Tensor:
        if x.ndim != 3 or x.shape[1] != self.network.channels:
            raise RtraveError(f"audio of shape {tuple(x.shape)}: give [batch, {self.network.channels}, time]")
        check_length(x.shape[2], self.network.ratio)
        return x

    def _codes(self, z: Tensor) -> Tensor:
        """Code indices of vectors [B, D, N], as floats [B, quantizers, N]."""
        return self.encoder.rvq.encode(z.transpose(1, 2)).transpose(1, 2).to(z)

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
            Give the form musicians know, not cropped: all components of the PCA, angles, or code indices.
        temperature : float
            0 gives the posterior's mean; 1 samples it.
        seed : int
            Of the posterior's draws; `noise` replaces the source.
        """
        if postprocess and self.network.regularisation == "discrete":
            # of the raw output: the nearest codes of a vector made of codes can be others
            return self._codes(self.encoder(self.input_bank.analysis(self._checked(x))))
        mean, std = self.posterior(x)
        z = mean
        if temperature:
            normal = self._drawn(noise or seeded_noise(seed), "posterior", mean, mean.shape[1])
            z = latent_space.sample_posterior(mean, std, temperature, normal)
        return self.postprocess(z) if postprocess else z

    def decode(self, z: Tensor, preprocess: bool = False, seed: int = 0, noise: NoiseSource | None = None) -> Tensor:
        """Latents [B, D, N] -> audio [B, C, N * ratio].

        Parameters
        ----------
        preprocess : bool
            `z` is in the form musicians know; with a PCA it may hold the first components alone, and the others are
            filled from the noise source.
        seed : int
            Of the fill, the augmentation and the noise synthesiser; `noise` replaces the source.
        """
        source = noise or seeded_noise(seed)
        z = self.preprocess(z, source) if preprocess else z
        if z.ndim != 3 or z.shape[1] != self.network.latent_size:
            size = self.network.latent_size
            raise RtraveError(f"latents of shape {tuple(z.shape)}: give [batch, {size}, latent frames]")
        extra = self.network.noise_augmentation
        draws = None
        if self.decoder.noise is not None:
            width, per_frame = self.synth_shape
            drawn = [source("synth", frame, (z.shape[0], width, per_frame)) for frame in range(z.shape[2])]
            draws = torch.from_numpy(np.concatenate(drawn, axis=2)).to(z)
        z = torch.cat((z, self._drawn(source, "augmentation", z, extra)), dim=1) if extra else z
        return self.output_bank.synthesis(self.decoder(z, draws))

    def forward(self, x: Tensor, seed: int = 0, noise: NoiseSource | None = None) -> Tensor:
        """Audio [B, C, T] -> audio [B, C, T], through the posterior's mean."""
        return self.decode(self.encode(x), seed=seed, noise=noise)

    def postprocess(self, z: Tensor) -> Tensor:
        """Latents [B, D, N] in the form musicians know: PCA components, angles, or code indices as floats."""
        regularisation = self.network.regularisation
        if regularisation == "variational":
            return latent_space.compress(z, self.latent_pca, self.latent_mean)
        if regularisation == "spherical":
            return to_angles(z)
        if regularisation == "discrete":
            return self._codes(z)
        return z

    def preprocess(self, z: Tensor, noise: NoiseSource) -> Tensor:
        """The inverse of `postprocess`; missing components of a PCA are drawn from the noise source."""
        regularisation, dims = self.network.regularisation, self.network.latent_size
        high = {"spherical": dims - 1, "discrete": self.network.quantizers}.get(regularisation, dims)
        low = 1 if regularisation == "variational" else high
        if z.ndim != 3 or not low <= z.shape[1] <= high:
            wanted = f"{low}..{high}" if low < high else str(high)
            raise RtraveError(f"latents of shape {tuple(z.shape)}: give [batch, {wanted}, latent frames]")
        if regularisation == "variational":
            components = torch.cat((z, self._drawn(noise, "fill", z, dims - z.shape[1])), dim=1)
            return latent_space.expand(components, self.latent_pca, self.latent_mean)
        if regularisation == "spherical":
            return from_angles(z)
        if regularisation == "discrete":
            indices = z.round().long().clamp(0, self.network.codes - 1)
            return self.encoder.rvq.decode(indices.transpose(1, 2)).transpose(1, 2).to(z)
        return z

    @staticmethod
    def _drawn(noise: NoiseSource, kind: str, like: Tensor, width: int) -> Tensor:
        """Normal draws [B, width, N] for latents [B, *, N]."""
        return torch.from_numpy(draw_frames(noise, kind, 0, (like.shape[0], width, like.shape[2]))).to(like)

    # One block, time-major [batch, time, channels], with an explicit state

    def encode_step(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Audio [B, T, C] -> mean and std [B, N, D], and the next state; T is a multiple of the ratio."""
        bands, pqmf = self.input_bank.analysis_step(x, state["pqmf"])
        raw, encoder = streaming(self.encoder.encoder).step(bands, state["encoder"])
        return *self.encoder.latents(raw, -1), {"pqmf": pqmf, "encoder": encoder}

    def decode_step(
        self, z: Tensor, state: State, draws: Mapping[str, Tensor] | None = None, compensate: bool = True
    ) -> tuple[Tensor, State]:
        """Latents [B, N, D] -> audio [B, T, C], and the next state.

        Parameters
        ----------
        draws : mapping
            What `draw_shapes` names, each [B, N * rows, width].
        compensate : bool
            A decoder whose delay is an odd number of band samples needs its signs compensated before the synthesis;
            upstream does not do so (False), which weakens the cancellation of aliases.
        """
        draws = draws or {}
        z = torch.cat((z, draws["augmentation"]), dim=-1) if "augmentation" in draws else z
        bands, decoder = self.decoder.step(z, state["decoder"], draws.get("synth"))
        phase = int(self.decoder.delay(Fraction(0)) % 2) if compensate else 0
        x, pqmf = self.output_bank.synthesis_step(bands, state["pqmf"], phase)
        return x, {"decoder": decoder, "pqmf": pqmf}

    @property
    def synth_shape(self) -> tuple[int, int]:
        """White noise per latent frame: band signals, and samples of each."""
        return self.network.output_bands * self.network.channels, self.network.ratio // self.network.output_bands

    @property
    def frames_per_step(self) -> int:
        """Least latent frames in a step: the bands come in pairs of samples, and noise in whole frames of its own."""
        network, noise = self.network, self.decoder.noise
        needed = 1
        for raw, bands in ((network.raw_input, network.input_bands), (network.raw_output, network.output_bands)):
            per_frame = network.ratio // bands
            pieces = [per_frame, *([] if raw else [2])]
            pieces += [noise.target] if noise is not None and bands == network.output_bands else []
            needed = math.lcm(needed, math.lcm(*pieces) // per_frame)
        return needed

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Random numbers that a step needs per latent frame: kind -> (rows, width), time-major."""
        shapes = {}
        if self.network.noise_augmentation:
            shapes["augmentation"] = (1, self.network.noise_augmentation)
        if self.decoder.noise is not None:
            width, rows = self.synth_shape
            shapes["synth"] = (rows, width)
        return shapes

    def initial_state(self, part: str, batch: int) -> State:
        """State of the "encoder" or the "decoder" before the first sample."""
        dtype = self.latent_mean.dtype
        if part == "encoder":
            return {
                "pqmf": self.input_bank.analysis_state(batch, dtype),
                "encoder": self.encoder.encoder.initial_state(batch, dtype),
            }
        return {
            "decoder": self.decoder.initial_state(batch, dtype),
            "pqmf": self.output_bank.synthesis_state(batch, dtype),
        }

    def space(self) -> tuple[np.ndarray, np.ndarray]:
        """PCA [D, D] and mean [D] of the space musicians play in, float32: identity where there is no PCA."""
        if self.network.regularisation == "variational":
            return self.latent_pca.float().numpy(), self.latent_mean.float().numpy()
        size = self.network.latent_size
        return np.eye(size, dtype=np.float32), np.zeros(size, np.float32)
