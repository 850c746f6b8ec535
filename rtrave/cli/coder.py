"""Coders of whole recordings for `rtrave encode` and `decode`: compiled graphs, or PyTorch on one of its devices."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rtrave.backends.backend import Backend
from rtrave.backends.facts import BackendKind
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import open_blocking, read_kind
from rtrave.cli.convert import load_told
from rtrave.cli.options import compiled
from rtrave.errors import RtraveError
from rtrave.model.latent_space import compress, draw_frames, expand, seeded_noise
from rtrave.model.spec import ModelSpec
from rtrave.streaming.offline import decode_recording, encode_recording

if TYPE_CHECKING:
    from rtrave.model.rave import Model


@dataclass(frozen=True)
class Coder:
    """A model that encodes and decodes whole recordings.

    Attributes
    ----------
    spec : ModelSpec
    encode : callable
        (audio float32 [C, T], temperature) -> iterator of latents float32 [D, n], piece by piece.
    decode : callable
        Latents float32 [D, N] -> iterator of audio float32 [C, n * ratio], piece by piece.
    """

    spec: ModelSpec
    encode: Callable[[np.ndarray, float], Iterator[np.ndarray]]
    decode: Callable[[np.ndarray], Iterator[np.ndarray]]


def open_coder(arguments: argparse.Namespace) -> Coder:
    """Return the coder that the options of `rtrave encode` and `decode` request."""
    compressed, seed = arguments.space == "compressed", arguments.seed
    if arguments.backend == "onnx":
        if arguments.device != "cpu":
            raise RtraveError(
                f"--device: expected cpu with --backend onnx, got {arguments.device}: use --backend torch"
            )
        graph = compiled(arguments.model, (), GraphShape(long_blocks=True))
        if read_kind(graph) is BackendKind.TORCHSCRIPT:
            raise RtraveError(f"--model: expected a RAVE model, got the third-party TorchScript '{arguments.model}'")
        backend = open_blocking(graph)
        # A product with the PCA gives neither angles nor codes: only the model itself computes those
        if not compressed or backend.facts.spec.regularisation in ("variational", "wasserstein"):
            return _compiled_coder(backend, compressed, seed, arguments.threads)
    return _torch_coder(load_told(arguments.model), compressed, seed, arguments.device)


def _compiled_coder(backend: Backend, compressed: bool, seed: int, threads: int) -> Coder:
    noise, pca, mean = seeded_noise(seed), backend.facts.latent_pca, backend.facts.latent_mean

    def encode(x: np.ndarray, temperature: float) -> Iterator[np.ndarray]:
        for z in encode_recording(backend, x, noise, temperature, threads):
            yield compress(z, pca, mean) if compressed else z

    def decode(z: np.ndarray) -> Iterator[np.ndarray]:
        if compressed and z.ndim == 2 and 1 <= len(z) <= len(pca):
            fill = draw_frames(noise, "fill", 0, (1, len(pca) - len(z), z.shape[1]))[0]
            z = np.asarray(expand(np.concatenate((z, fill)), pca, mean), np.float32)
        return decode_recording(backend, z, noise, threads)

    return Coder(backend.facts.spec, encode, decode)


def _torch_coder(model: Model, compressed: bool, seed: int, device: str) -> Coder:
    import torch

    from rtrave.model.offline import decode_blocks, encode_blocks

    try:
        model = model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RtraveError(
            f"--device: expected a device of PyTorch {torch.__version__}, got {device} ({reason}): use cpu"
        ) from error
    return Coder(
        model.spec,
        lambda x, temperature: encode_blocks(model, x, compressed, temperature, seed),
        lambda z: decode_blocks(model, z, compressed, seed),
    )
