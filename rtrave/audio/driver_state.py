"""The states of a driver between its first callback and its last one."""

from __future__ import annotations

from enum import Enum, auto


class DriverState(Enum):
    """Stages of a driver's way through a run, in this order: PREROLL, HEARD, LIVE, RETIRED.

    The rings and the counters of hops have one writer. So a driver that takes over is heard before it publishes: it
    waits until the thread of the driver before it has ended.

    =======  ==================================  ===================================  ============================
    state    what it does                        counts                               publishes to the rings
    =======  ==================================  ===================================  ============================
    PREROLL  computes from the input, unheard    nothing                              nothing
    HEARD    is heard                            late and starved hops                nothing
    LIVE     is heard                            late, starved, skipped hops, errors  each hop, from the next on
    RETIRED  is not called any more              skipped hops, errors                 the hops that were full before
    =======  ==================================  ===================================  ============================

    Who changes the state, and on which thread:

    - The constructor of the driver: LIVE for the first driver of a process, PREROLL for each one after it.
    - The crossfader, in the callback that ends the fade: PREROLL to HEARD, and the other driver's LIVE to RETIRED.
    - The loader, on its own thread, after it has ended the thread of the retired driver: HEARD to LIVE. The first hop
      that is computed after that takes its latent frame from the status block, where the retired driver left it.

    The thread that computes a hop reads the state once, before the hop: a hop is published whole or not at all.
    """

    PREROLL = auto()
    HEARD = auto()
    LIVE = auto()
    RETIRED = auto()

    @property
    def is_heard(self) -> bool:
        """True if a listener hears the driver, so that a hop that misses its place counts."""
        return self in (DriverState.HEARD, DriverState.LIVE)

    @property
    def publishes(self) -> bool:
        """True if the next hop is written to the rings and the counters."""
        return self in (DriverState.LIVE, DriverState.RETIRED)
