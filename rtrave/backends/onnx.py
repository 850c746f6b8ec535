"""A compiled model on ONNX Runtime. Needs no torch.

All buffers are allocated once. Each state has two: a run reads one and writes the other, and they are swapped only
after it has succeeded, so nothing is copied and a run that fails changes no state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import onnxruntime

from rtrave.backends.backend import Capabilities, Signal, States, copy_states, reset_states, restore_states
from rtrave.backends.cache import open_compiled
from rtrave.backends.pipeline import HopWork, ImmediatePipeline
from rtrave.errors import RtraveError


def _end(whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the last rows of a buffer, as many as `shape` has: a view."""
    return whole[..., whole.shape[-2] - shape[-2] :, :]


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph; RtraveError where it fails. A large one takes a second, with the global lock released."""
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
        First axis of the arrays.
    state_shapes : dict
        Shapes of the states, by name.

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
    """Encoder and decoder of a compiled model; see `Backend`.

    Parameters
    ----------
    folder : Path
        A folder of the graph cache.
    threads : int
        Threads of ONNX Runtime, for each part.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        compiled = open_compiled(folder)
        self.facts, self._initial, self._state_shapes = compiled.facts, compiled.initial, compiled.states
        self.capabilities = Capabilities(streams=self.facts.shape.batch)
        self._bind({part: open_session(folder / f"{part}.onnx", threads) for part in compiled.states})

    def _bind(self, sessions: Mapping[str, onnxruntime.InferenceSession]) -> None:
        self.encoder, self.decoder = (
            CompiledPart(sessions[part], self.facts.shape.batch, self._state_shapes[part])
            for part in ("encoder", "decoder")
        )
        self.reset()

    def clone(self) -> OnnxBackend:
        """See `Backend`: the graphs are shared, the buffers are not."""
        other = copy(self)
        other._bind({"encoder": self.encoder.session, "decoder": self.decoder.session})
        return other

    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """See `Backend`."""
        self.encoder.arrays["x"][...] = x
        self.encoder.run()
        return self.encoder.arrays["latent_mean"], self.encoder.arrays["latent_std"]

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """See `Backend`."""
        arrays, frames = self.decoder.arrays, self.facts.shape.latent_frames
        return {kind: (a.shape[1] // frames, a.shape[2]) for kind, a in arrays.items() if kind not in ("z", "audio")}

    def decode(self, z: Signal, draws: Mapping[str, Signal]) -> Signal:
        """See `Backend`."""
        self.decoder.arrays["z"][...] = z
        for kind, drawn in draws.items():
            self.decoder.arrays[kind][...] = drawn
        self.decoder.run()
        return self.decoder.arrays["audio"]

    def state(self) -> States:
        """See `Backend`."""
        parts = (("encoder", self.encoder), ("decoder", self.decoder))
        return {f"{part}.{name}": array for part, compiled in parts for name, array in compiled.state.items()}

    def reset(self) -> None:
        """See `Backend`."""
        reset_states(self.state(), self._initial)

    def snapshot(self) -> States:
        """See `Backend`."""
        return copy_states(self.state())

    def restore(self, states: Mapping[str, Signal]) -> None:
        """See `Backend`."""
        restore_states(self.state(), states)

    def pipeline(self, work: HopWork) -> ImmediatePipeline:
        """See `Backend`: at once."""
        return ImmediatePipeline(work)
