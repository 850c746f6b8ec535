"""Time of encoding and decoding a whole file on all cores, interleaved with TorchScript on the same file."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.bench.measure import ratio_of
from rtrave.bench.peer import Peer
from rtrave.model.latent_space import seeded_noise
from rtrave.streaming.offline import decode_recording, encode_recording

ROUNDS = 5


def measure(torchscript: Path, seconds: int) -> dict[str, float]:
    """Return the median seconds of each side, and the ratio of the times."""
    backend = OnnxBackend(
        ensure_graph(torchscript, GraphShape(long_blocks=True), lambda line: print(line, file=sys.stderr))
    )
    cores, spec, noise = os.cpu_count() or 1, backend.spec, seeded_noise(0)
    samples = seconds * spec.sample_rate // spec.ratio * spec.ratio
    x = np.random.default_rng(0).standard_normal((spec.channels, samples)).astype(np.float32) / 10

    def ours() -> float:
        start_s = time.perf_counter()
        z = np.concatenate(list(encode_recording(backend, x, noise, workers=cores)), axis=1)
        for _ in decode_recording(backend, z, noise, workers=cores):
            pass
        return time.perf_counter() - start_s

    with Peer(torchscript, spec.channels, samples, cores, warm_up=1) as peer:
        ours()
        times = [([ours()], peer.run(1)) for _ in range(ROUNDS)]
    own, theirs = ([side for side, _ in times], [side for _, side in times])
    return {
        "seconds": seconds,
        "ours_s": float(np.median(own)),
        "theirs_s": float(np.median(theirs)),
        "ratio": ratio_of(own, theirs),
    }
