"""Engines on third-party TorchScript files, and functions that play a signal through them."""

import time
from contextlib import contextmanager
from unittest import mock

import numpy as np

from rtrave.backends.torchscript.backend import TorchScriptBackend
from rtrave.backends.torchscript.facts import ensure_torchscript, open_torchscript
from rtrave.backends.torchscript.pipelined import PipelinedBackend
from rtrave.backends.torchscript.worker import answer
from rtrave.dsp.gate import MUTE_FADE
from rtrave.dsp.limiter import LOOKAHEAD_S
from rtrave.engine.engine import Engine
from tests.third_party_scripts import save

HOP = 2048
FADED = max(round(LOOKAHEAD_S * 44100), MUTE_FADE)  # samples beside a muted or lost hop that the fades change


def noise(channels, samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


class InProcessWorker:
    """Stand-in for a worker process, inside this process: it starts faster. For tests that only probe."""

    def ask(self, request, limit_s):
        return answer(request, None)[0]

    def kill(self):
        pass


def probed_here(*arguments, **options):
    """Call `ensure_torchscript` with its probe in this process."""
    with mock.patch("rtrave.backends.torchscript.facts.Worker", InProcessWorker):
        return ensure_torchscript(*arguments, **options)


def folder_of(script, tmp_path, **attributes):
    """Save a module as TorchScript and probe it; return its folder in the cache."""
    return probed_here(save(script, tmp_path), {name: [value] for name, value in attributes.items()})


@contextmanager
def engine_of(folder, offline=True, seed=0):
    """Open an engine on a folder that `folder_of` returned; end its worker on exit."""
    backend = TorchScriptBackend(open_torchscript(folder))
    try:
        yield Engine(PipelinedBackend(backend, offline), seed)
    finally:
        backend.close()


def play(engine, x, pace_s=0.0, **controls):
    """Play every hop of x [C, T], at least `pace_s` apart.

    `controls` are keys of the vector with __ for /. The engine is reset after an error, as HopRunner does.

    Returns
    -------
    output [C, T] without the limiter's delay, z_in [D, N], z_out [D, N], and a list of (hop, error) of the lost hops.
    """
    vector = engine.layout.defaults()
    for name, value in controls.items():
        vector[engine.layout.slots[name.replace("__", "/")]] = value
    y, latents_in, latents_out, lost = np.zeros_like(x), [], [], []
    for index, start in enumerate(range(0, x.shape[1], HOP)):
        began_s = time.monotonic()
        block = np.zeros((engine.channels, HOP), np.float32)
        try:
            engine.process(x[:, start : start + HOP], vector, block)
            y[:, start : start + HOP] = block
            latents_in.append(engine.report.z_in.copy())
            latents_out.append(engine.report.z_out.copy())
        except Exception as error:
            lost.append((index, str(error)))
            engine.reset()
        time.sleep(max(0.0, pace_s - (time.monotonic() - began_s)))
    y = np.concatenate([y, engine._mixer._limiters[0].line], axis=1)[:, engine.limiter_delay :]
    empty = [np.zeros((engine.dims, 0), np.float32)]
    return y, np.concatenate(empty + latents_in, 1), np.concatenate(empty + latents_out, 1), lost


def limiter_delay(sample_rate):
    """Return the samples by which the limiter delays an engine's output."""
    return round(LOOKAHEAD_S * sample_rate)


def delayed(signal, samples=HOP):
    """Delay a signal by `samples`: the same length, with zeros before it."""
    return np.concatenate([np.zeros((len(signal), samples), np.float32), signal[:, :-samples]], axis=1)
