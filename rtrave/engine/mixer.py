"""Gains, width, gate, dry and wet, limiter: everything around the model's sound in a hop. Signals are [C, T]."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from rtrave.control.vector import Layout
from rtrave.dsp.gate import Gate, Mute
from rtrave.dsp.levels import db_to_gain, ramp, set_width, silence_nonfinite
from rtrave.dsp.limiter import Limiter


@dataclass
class _Smoothed:
    """Values of the ramped controls at the end of a hop."""

    in_gain: np.float32
    out_gain: np.float32
    wet: np.float32
    width: np.float32


@dataclass(frozen=True)
class Entered:
    """The input of a hop between `enter` and `leave`.

    Attributes
    ----------
    sent : float32 [C, hop]
        The input of the model.
    dry : float32 [C, hop]
        The same, delayed by the model's acoustic delay.
    audible : bool
        Any of the model's sound reaches the output.
    before, target : _Smoothed
        The ramped controls at the start and at the end of the hop.
    """

    sent: np.ndarray
    dry: np.ndarray
    audible: bool
    before: _Smoothed
    target: _Smoothed


class Mixer:
    """Mixes streams side by side: each has a gate and a limiter of its own, the channels of the first come first.

    Not thread-safe. A hop is `enter`, the model, `leave`, under one `np.errstate`: overflow is found and counted.

    Parameters
    ----------
    layout : Layout
        Of the controls.
    streams, channels, hop, sample_rate : int
        `channels` are those of one stream.
    acoustic_delay : int
        Samples, of the model.

    Attributes
    ----------
    limiter_delay : int
        Samples.
    dry_gain : float
        Linear, of the dry signal in the output at the end of the last hop.
    """

    def __init__(
        self, layout: Layout, streams: int, channels: int, hop: int, sample_rate: int, acoustic_delay: int
    ) -> None:
        self._slots, self._hop = layout.slots, hop
        self._rows = [slice(k * channels, (k + 1) * channels) for k in range(streams)]
        self._is_stereo = channels == 2
        self._dry = np.zeros((streams * channels, acoustic_delay + hop), np.float32)
        self._limiters = [Limiter(channels, hop, sample_rate) for _ in range(streams)]
        self._gates = [Gate(sample_rate) for _ in range(streams)]
        self._mute = Mute(streams * channels, hop)
        self._smoothed: _Smoothed | None = None
        self.limiter_delay = self._limiters[0].delay
        self.dry_gain = 1.0

    def enter(self, x: np.ndarray, controls: np.ndarray) -> Entered:
        """Take x, float32 [C, hop] of all streams, under controls float64 [layout.size]. The engine's thread."""
        target = self._targets(controls)
        before = self._smoothed or target
        sent = x * ramp(before.in_gain, target.in_gain, self._hop)
        self._dry[:, : -self._hop] = self._dry[:, self._hop :].copy()
        self._dry[:, -self._hop :] = sent
        return Entered(sent, self._dry[:, : self._hop].copy(), bool(before.wet or target.wet), before, target)

    def leave(self, entered: Entered, controls: np.ndarray, y: np.ndarray, muted: bool) -> int:
        """Turn the model's sound y, float32 [C, hop], into the output, in place. The engine's thread.

        Parameters
        ----------
        muted : bool
            The model's hop was silenced because it held samples that were not finite.

        Returns
        -------
        int
            Samples that were not finite.
        """
        before, target = entered.before, entered.target
        self._mute.process(y, muted)
        if self._is_stereo and not before.width == target.width == 1:
            for rows in self._rows:
                set_width(y[rows], ramp(before.width, target.width, self._hop))
        threshold_db = float(controls[self._slots["in/gate"]][0])
        for rows, gate in zip(self._rows, self._gates, strict=True):
            # The input opens the gate ahead of the model's sound; its delayed copy keeps the gate open.
            curve = gate.curve(np.concatenate((entered.sent[rows], entered.dry[rows])), threshold_db)
            if curve is not None:
                y[rows] *= curve
        wet = ramp(before.wet, target.wet, self._hop)
        y *= wet
        y += entered.dry * (np.float32(1) - wet)
        y *= ramp(before.out_gain, target.out_gain, self._hop)
        nonfinite = silence_nonfinite(y)  # a dry signal and a gain can still overflow
        for rows, limiter in zip(self._rows, self._limiters, strict=True):
            limiter.process(y[rows], bool(controls[self._slots["out/limit"]][0]))
        self._smoothed = target
        self.dry_gain = float(target.in_gain * target.out_gain)
        return nonfinite

    def _targets(self, controls: np.ndarray) -> _Smoothed:
        """Return the values that the ramped controls reach at the end of this hop."""

        def value(name: str) -> float:
            return float(controls[self._slots[name]][0])

        out_gain = np.float32(0) if value("silence") else db_to_gain(value("out/gain"))
        wet = np.float32(0 if value("bypass") else value("mix"))
        return _Smoothed(db_to_gain(value("in/gain")), out_gain, wet, np.float32(value("out/width")))

    def reset(self) -> None:
        """Return to the silence before the first sample."""
        self._dry[...] = 0
        for limiter, gate in zip(self._limiters, self._gates, strict=True):
            limiter.reset()
            gate.reset()
        self._mute.last[...], self._mute.muted = 0, False
        self._smoothed = None

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next hop depends on, by name."""
        state = {
            "dry": self._dry.copy(),
            "limiter.line": np.array([limiter.line for limiter in self._limiters]),
            "limiter.gain": np.array([limiter.gain for limiter in self._limiters]),
            "gate": np.array([(gate.gain, gate.quiet) for gate in self._gates]),
            "mute.last": self._mute.last.copy(),
            "muted": np.array(self._mute.muted),
        }
        if self._smoothed is not None:
            state["smoothed"] = np.array(astuple(self._smoothed), np.float32)
        return state

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back."""
        self._dry[...] = state["dry"]
        for k, (limiter, gate) in enumerate(zip(self._limiters, self._gates, strict=True)):
            limiter.line[...] = state["limiter.line"][k]
            limiter.gain = np.float32(state["limiter.gain"][k])
            gate.gain, gate.quiet = float(state["gate"][k, 0]), int(state["gate"][k, 1])
        self._mute.last[...], self._mute.muted = state["mute.last"], bool(state["muted"])
        self._smoothed = _Smoothed(*state["smoothed"]) if "smoothed" in state else None
