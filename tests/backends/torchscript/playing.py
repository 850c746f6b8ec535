"""Playing foreign scripts through the engine, for the tests of scripts."""

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
FADED = max(round(LOOKAHEAD_S * 44100), MUTE_FADE)  # what a muted or lost hop costs of its neighbours


def noise(channels, samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


class HereWorker:
    """A worker in this process, which is quicker to have; for what only probes."""

    def ask(self, request, limit_s):
        return answer(request, None)[0]

    def kill(self):
        pass


def probed_here(*arguments, **options):
    """`ensure_torchscript` with its probe in this process."""
    with mock.patch("rtrave.backends.torchscript.facts.Worker", HereWorker):
        return ensure_torchscript(*arguments, **options)


def folder_of(script, tmp_path, **attributes):
    return probed_here(save(script, tmp_path), {name: [value] for name, value in attributes.items()})


@contextmanager
def engine_of(folder, offline=True, seed=0):
    """An engine on a script; its worker is ended with it."""
    backend = TorchScriptBackend(open_torchscript(folder))
    try:
        yield Engine(PipelinedBackend(backend, offline), seed)
    finally:
        backend.close()


def play(engine, x, pace_s=0.0, **controls):
    """Every hop of x [C, T]: output [C, T], z_in and z_out [D, N], and (hop, error) of what was lost.

    The limiter's delay is taken out of the output.

    `controls` are keys of the vector with __ for /; as HopRunner does, the engine is reset after an error.
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
    nothing = [np.zeros((engine.dims, 0), np.float32)]
    return y, np.concatenate(nothing + latents_in, 1), np.concatenate(nothing + latents_out, 1), lost


def limiter_delay(sample_rate):
    """By how many samples the limiter makes an engine's output late besides."""
    return round(LOOKAHEAD_S * sample_rate)


def later(signal, samples=HOP):
    """A signal as it comes out `samples` later."""
    return np.concatenate([np.zeros((len(signal), samples), np.float32), signal[:, :-samples]], axis=1)
