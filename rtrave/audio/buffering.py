"""Gathering of hops from the blocks of the device: the delay it costs, and the time it leaves the engine. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtrave.errors import RtraveError
from rtrave.ipc.options import BufferingMode

LEAST_BLOCK, MOST_BLOCK = 16, 16384
# The margin is the measured time of the engine's slowest hops times this factor, and a wake-up of its thread.
MARGIN_FACTOR = 1.5
WAKE_ALLOWANCE_S = 0.005


@dataclass(frozen=True)
class HostPeriod:
    """Calls of the host when the block is left open, in samples.

    Parameters
    ----------
    period : int
        Samples that the host moves at once; the time for all callbacks in it.
    block : int or None
        Samples per callback; None where they change from call to call.
    """

    period: int
    block: int | None


@dataclass(frozen=True)
class Buffering:
    """Blocks and period of an open device.

    Parameters
    ----------
    asked : int
        Samples per callback asked of PortAudio; 0 leaves them open.
    block : int or None
        Samples per callback received; None where they change from call to call.
    period : int or None
        Samples that the host moves at once; None where unknown.
    """

    asked: int
    block: int | None
    period: int | None


@dataclass(frozen=True)
class Delay:
    """Cost of gathering hops from blocks.

    Parameters
    ----------
    samples : int
        Delay of the output against the engine's stream, at the model's rate.
    granted_s : float
        Time between the callback that fills a hop and the one that plays its first sample. `direct`: the time for
        one callback, in which there may be several hops.
    """

    samples: int
    granted_s: float


def margin_for(compute_s: float) -> float:
    """Return the margin in seconds for an engine whose slowest hops (99.9th percentile) take `compute_s`."""
    return MARGIN_FACTOR * compute_s + WAKE_ALLOWANCE_S


def direct_delay(hop: int, sample_rate: int, block: int | None, period: float | None) -> Delay:
    """Compute the least delay that lets every callback be filled, with the engine in the callback.

    It is hop - gcd(hop, block): 0 where the block is the hop. Where the block changes from call to call (None), as it
    does behind a resampler, it is the hop.
    """
    samples = hop - math.gcd(hop, block) if block else hop
    callback = max(hop, block or period or hop)  # samples for which there is one callback with a hop in it
    return Delay(samples, min(period or callback, callback) / sample_rate)


def threaded_delay(
    hop: int, sample_rate: int, block: int | None, period: float | None, margin_s: float, exact: bool = True
) -> Delay:
    """Compute the delay with the engine beside the callback: output is due one margin after the hop is full.

    Sound moves in quanta: the host's period, or the block where that is larger. A hop is full in the callback that
    brings its last sample; its first sample is played by the first callback whose block reaches it. The delay is the
    least that leaves whole quanta for the margin between the two, wherever the border of a hop lies in a quantum (at
    multiples of gcd(hop, quantum)).

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
        Whether blocks and periods are whole samples at the model's rate; False behind a resampler.
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
        if not known:  # a block may have any size up to the hop
            samples += hop
    return Delay(samples, quanta * quantum / sample_rate)


def choose_mode(mode: BufferingMode, hop: float, period: int | None) -> tuple[BufferingMode, str]:
    """Choose where the engine runs, in the callback (DIRECT) or beside it (LOW_LATENCY), and say why in one line.

    The time for one callback is the host's period, not the callback's block; so DIRECT is safe only where the period
    is at least the hop.

    Parameters
    ----------
    mode : BufferingMode
    hop : float
        Samples per engine step, at the device's rate.
    period : int or None
        Samples that the host moves at once.
    """
    fits = period is not None and period >= hop
    chosen = mode
    if mode is BufferingMode.AUTO:
        chosen = BufferingMode.DIRECT if fits else BufferingMode.LOW_LATENCY
    direct = chosen is BufferingMode.DIRECT
    found = "the host's period is " + ("unknown" if period is None else f"{period} samples") + f", the hop {hop:g}"
    where = "in the callback" if direct else "beside the callback"
    risk = ", and may miss the end of the period" if direct and not fits else ""
    asked = "" if mode is BufferingMode.AUTO else f" as asked ({mode})"
    return chosen, f"{found}: the engine runs {where}{asked}{risk}"


def choose_buffering(
    mode: BufferingMode, hop: float, host: HostPeriod | None, block_size: int | None = None, open_ended: bool = False
) -> Buffering:
    """Choose the block to ask of the device.

    Parameters
    ----------
    mode, hop
        As in `choose_mode`.
    host : HostPeriod or None
        From `probe_host_period`.
    block_size : int or None
        Samples per callback asked for by the user.
    open_ended : bool
        Leave the block to the host where the user does not ask for one. True for JACK, where PortAudio delays
        the output by one block more whenever a block is asked for.

    Raises
    ------
    RtraveError
        The block is out of range.
    """
    if block_size is not None and not LEAST_BLOCK <= block_size <= MOST_BLOCK:
        raise RtraveError(f"--block-size: expected {LEAST_BLOCK} to {MOST_BLOCK} samples, got {block_size}")
    period = host.period if host else None
    chosen, _ = choose_mode(mode, hop, period)
    if block_size is not None:
        return Buffering(block_size, block_size, period)
    if open_ended and host:
        return Buffering(0, host.block, period)
    asked = round(hop if chosen is BufferingMode.DIRECT else min(period or 512, hop))
    return Buffering(asked, asked, period)
