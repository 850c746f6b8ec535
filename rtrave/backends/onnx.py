"""The compiled parts of a model, run by ONNX Runtime. Needs no torch.

All buffers are made once. Each state has two: a run reads one and writes the other, and they change places only after
it has succeeded, so nothing is copied and a run that fails leaves the stream where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import onnxruntime

from rtrave.backends.cache import open_facts
from rtrave.errors import RtraveError


def _end(whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The last rows of a buffer, so many as `shape` has: a view."""
    return whole[..., whole.shape[-2] - shape[-2] :, :]


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph; RtraveError where it cannot be. Takes a second for a large one, with the global lock released."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning pool would take the core that the other process needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        raise RtraveError(f"cannot open the compiled graph {path}: {str(error).splitlines()[0]}") from error


class CompiledPart:
    """One graph with its buffers. One thread at a time; the global lock is released while it runs.

    Parameters
    ----------
    session : InferenceSession
        See `open_session`; several parts may share one.
    batch : int
        Of the arrays.
    state_shapes : dict
        Of the states, by name.

    Attributes
    ----------
    arrays : dict
        Inputs and outputs [B, time, width] by name: the buffers themselves.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, batch: int, state_shapes: Mapping[str, Sequence[int]]
    ) -> None:
        self.session = session
        ports = {port.name: tuple(port.shape) for port in (*self.session.get_inputs(), *self.session.get_outputs())}
        plain = {name: shape for name, shape in ports.items() if not name.startswith(("state.", "next."))}
        self._plain = {name: np.zeros(shape, np.float32) for name, shape in plain.items()}
        self.arrays = {name: array.reshape(batch, *array.shape[-2:]) for name, array in self._plain.items()}
        # A next state may be longer than the state: the state is its end.
        states = {name.removeprefix("next."): shape for name, shape in ports.items() if name.startswith("next.")}
        self._wholes = tuple({name: np.zeros(shape, np.float32) for name, shape in states.items()} for _ in range(2))
        self._ends = tuple(
            {name: _end(whole, ports[f"state.{name}"]) for name, whole in wholes.items()} for wholes in self._wholes
        )
        self.states = tuple(
            {name: end.reshape(state_shapes[name]) for name, end in ends.items()} for ends in self._ends
        )
        self.bindings = tuple(self._bind(read, 1 - read) for read in range(2))
        self.current = 0

    def _bind(self, read: int, write: int) -> onnxruntime.IOBinding:
        def value(array: np.ndarray) -> onnxruntime.OrtValue:
            return onnxruntime.OrtValue.ortvalue_from_numpy(array)

        binding = self.session.io_binding()
        for port in self.session.get_inputs():
            state = self._ends[read].get(port.name.removeprefix("state."))
            binding.bind_ortvalue_input(port.name, value(self._plain[port.name] if state is None else state))
        for port in self.session.get_outputs():
            whole = self._wholes[write].get(port.name.removeprefix("next."))
            binding.bind_ortvalue_output(port.name, value(self._plain[port.name] if whole is None else whole))
        return binding

    def run(self) -> None:
        """Read the input array and the current states, write the output arrays and the next states."""
        self.session.run_with_iobinding(self.bindings[self.current])
        self.current = 1 - self.current

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The current states by name: the buffers themselves, valid until the next run."""
        return self.states[self.current]


class OnnxBackend:
    """Encoder and decoder of a compiled model, one hop at a time, time-major float32.

    Parameters
    ----------
    folder : Path
        A folder of the graph cache.
    threads : int
        Of ONNX Runtime, for each part.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        facts = open_facts(folder)
        self.spec, self.model_hash, self.shape = facts.spec, facts.model_hash, facts.shape
        self.latent_pca, self.latent_mean, self.initial = facts.latent_pca, facts.latent_mean, facts.initial
        self.encoder_delay, self.frames_per_step = facts.encoder_delay, facts.frames_per_step
        self.receptive_fields = facts.receptive_fields
        self._state_shapes = facts.states
        self._begin({part: open_session(folder / f"{part}.onnx", threads) for part in facts.states})

    def _begin(self, sessions: Mapping[str, onnxruntime.InferenceSession]) -> None:
        self.encoder, self.decoder = (
            CompiledPart(sessions[part], self.shape.batch, self._state_shapes[part]) for part in ("encoder", "decoder")
        )
        for name, array in self.state().items():
            array[...] = self.initial.get(name, 0)

    def twin(self) -> OnnxBackend:
        """Another stream's parts on the same graphs: it shares the weights, and may run at the same time."""
        other = copy(self)
        other._begin({"encoder": self.encoder.session, "decoder": self.decoder.session})
        return other

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Audio [B, hop, C] -> mean and std [B, N, D]: views, valid until the next call."""
        self.encoder.arrays["x"][...] = x
        self.encoder.run()
        return self.encoder.arrays["latent_mean"], self.encoder.arrays["latent_std"]

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Random numbers that `decode` needs per latent frame: kind -> (rows, width)."""
        arrays = {name: array for name, array in self.decoder.arrays.items() if name not in ("z", "audio")}
        return {kind: (array.shape[1] // self.shape.latent_frames, array.shape[2]) for kind, array in arrays.items()}

    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray]) -> np.ndarray:
        """Latents [B, N, D] and draws [B, N * rows, width] -> audio [B, hop, C]: a view, valid until the next call."""
        self.decoder.arrays["z"][...] = z
        for kind, drawn in draws.items():
            self.decoder.arrays[kind][...] = drawn
        self.decoder.run()
        return self.decoder.arrays["audio"]

    def state(self) -> dict[str, np.ndarray]:
        """All states by name: the buffers themselves, to be read or written between two calls."""
        parts = (("encoder", self.encoder), ("decoder", self.decoder))
        return {f"{part}.{name}": array for part, compiled in parts for name, array in compiled.state.items()}
