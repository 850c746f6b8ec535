"""How hops are gathered from the device's blocks, what that costs, and how much time it leaves the engine. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtrave.errors import RtraveError

MODES = ("auto", "direct", "low-latency")
# The margin is what the engine was measured to need, by this factor, and a wake-up of its thread.
MARGIN_FACTOR = 1.5
WAKE_ALLOWANCE_S = 0.005


@dataclass(frozen=True)
class HostPeriod:
    """What the host does when the block is left open, in samples.

    Parameters
    ----------
    period : int
        What it moves at once; the time for all callbacks in it.
    block : int or None
        What each callback gets; None where it changes from call to call.
    """

    period: int
    block: int | None


@dataclass(frozen=True)
class Buffering:
    """How the device is opened.

    Parameters
    ----------
    asked : int
        Samples per callback asked of PortAudio; 0 leaves it open.
    block : int or None
        Samples per callback that come; None where that changes from call to call.
    period : int or None
        Samples that the host moves at once; None where unknown.
    """

    asked: int
    block: int | None
    period: int | None


@dataclass(frozen=True)
class Delay:
    """What the gathering costs.

    Parameters
    ----------
    samples : int
        The output is the engine's stream, late by this much, at the model's rate.
    granted_s : float
        Time between the callback that fills a hop and the one that plays its first sample. `direct`: the time for
        one callback, in which there may be several hops.
    """

    samples: int
    granted_s: float


def margin_for(compute_s: float) -> float:
    """The margin in seconds for an engine whose slowest hops (p99.9) take `compute_s`."""
    return MARGIN_FACTOR * compute_s + WAKE_ALLOWANCE_S


def direct_delay(hop: int, sample_rate: int, block: int | None, period: float | None) -> Delay:
    """The engine in the callback: the least delay that lets every callback be filled.

    hop - gcd(hop, block): 0 where the block is the hop; hop where the block changes from call to call (None), as it
    does behind a resampler.
    """
    samples = hop - math.gcd(hop, block) if block else hop
    callback = max(hop, block or period or hop)  # samples for which there is one callback with a hop in it
    return Delay(samples, min(period or callback, callback) / sample_rate)


def threaded_delay(
    hop: int, sample_rate: int, block: int | None, period: float | None, margin_s: float, exact: bool = True
) -> Delay:
    """The engine beside the callback: output due one margin after the hop is full.

    Everything moves in quanta: the host's period, or the block where that is larger. A hop is full in the callback
    that brings its last sample, and its first sample is played by the first callback whose block reaches it; the
    delay is the least that leaves whole quanta for the margin between the two, wherever the hop's border lies in a
    quantum (at multiples of gcd(hop, quantum)).

    Parameters
    ----------
    hop, sample_rate : int
        Samples per engine step; Hz.
    block : int or None
        Samples per callback; None where it changes from call to call.
    period : float or None
        Samples that the host moves at once; None where unknown.
    margin_s : float
        Time that the engine needs, waking up included.
    exact : bool
        Blocks and periods are whole samples of the model's rate; false behind a resampler.
    """
    known = [n for n in (block, period) if n]
    quantum = max(known) if known else hop
    margin = margin_s * sample_rate * max(math.ceil(quantum / hop), 1)  # several hops may be full at once
    if exact and block and period and quantum % min(block, period):
        margin += period  # the callbacks fall on the host's grid, up to one period late
    quanta = max(math.ceil(margin / quantum - 1e-9), 1)
    if exact and known:
        samples = hop + quanta * int(quantum) - math.gcd(hop, int(quantum))
    else:
        samples = hop + math.ceil(quanta * quantum) + 1
        if not known:  # a block of any size up to the hop may come
            samples += hop
    return Delay(samples, quanta * quantum / sample_rate)


def choose_mode(mode: str, hop: float, period: int | None) -> tuple[str, str]:
    """Decide between the engine in the callback (`direct`) and in a thread beside it (`low-latency`), and say why.

    The time for one callback is the host's period, not the callback's block; so `direct` is safe only where
    the period is at least the hop.

    Parameters
    ----------
    mode : str
        "auto", "direct" or "low-latency".
    hop : float
        Samples per engine step, at the device's rate.
    period : int or None
        Samples that the host moves at once.

    Raises
    ------
    RtraveError
        Unknown mode.
    """
    if mode not in MODES:
        raise RtraveError(f"buffering '{mode}' is unknown: use auto, direct or low-latency")
    fits = period is not None and period >= hop
    chosen = ("direct" if fits else "low-latency") if mode == "auto" else mode
    found = "the host's period is " + ("unknown" if period is None else f"{period} samples") + f", the hop {hop:g}"
    where = "in the callback" if chosen == "direct" else "beside the callback"
    risk = ", and may miss the end of the period" if chosen == "direct" and not fits else ""
    told = "" if mode == "auto" else f" as asked ({mode})"
    return chosen, f"{found}: the engine runs {where}{told}{risk}"


def choose_buffering(
    mode: str, hop: float, host: HostPeriod | None, block_size: int | None = None, open_ended: bool = False
) -> Buffering:
    """Decide what block to ask of the device.

    Parameters
    ----------
    mode, hop
        As `choose_mode`.
    host : HostPeriod or None
        As `probe_host_period` gives it.
    block_size : int or None
        Samples per callback asked for by the user.
    open_ended : bool
        Leave the block to the host where the user does not ask for one. True for JACK, where PortAudio delays
        the output by one block more whenever a block is asked for.

    Raises
    ------
    RtraveError
        Unknown mode, or block out of range.
    """
    if block_size is not None and not 16 <= block_size <= 16384:
        raise RtraveError(f"block size {block_size} is out of range: use 16 to 16384 samples")
    period = host.period if host else None
    chosen, _ = choose_mode(mode, hop, period)
    if block_size is not None:
        return Buffering(block_size, block_size, period)
    if open_ended and host:
        return Buffering(0, host.block, period)
    asked = round(hop if chosen == "direct" else min(period or 512, hop))
    return Buffering(asked, asked, period)
