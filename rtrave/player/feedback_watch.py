"""Warns of a feedback loop: own microphone and loudspeaker, or a level that stays at the top at both ends."""

from __future__ import annotations

import re

# Names of built-in devices in Core Audio, ALSA, WASAPI and WDM.
BUILT_IN = re.compile(
    r"built-?in|internal|macbook|imac|hda intel|realtek|microphone array|conexant|sof-", re.IGNORECASE
)
HEADPHONES = re.compile(r"head(phone|set)|earpiece", re.IGNORECASE)
LOUD_DB = -3.0
LASTS_S = 2.0


def built_in_loop(device: dict[str, object]) -> str:
    """What to tell of a device, as the audio process described it, that hears its own loudspeaker; empty otherwise."""
    source, sink = str(device["input"]), str(device["output"])
    if device["host_api"] == "null" or HEADPHONES.search(sink):
        return ""
    if not (BUILT_IN.search(source) and BUILT_IN.search(sink)):
        return ""
    return (
        f"'{source}' may hear '{sink}': use headphones, or turn the loudspeaker down before it howls "
        "(/rtrave/silence 1 mutes at once)"
    )


class FeedbackWatch:
    """Tells once when input and output have both stayed loud. Control process, main thread."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._told = False

    def look(self, in_peak_db: float, out_peak_db: float, now_s: float) -> str:
        """What to tell now; empty mostly. Peaks of the last hop in dBFS; `now_s` in seconds of any clock."""
        if min(in_peak_db, out_peak_db) < LOUD_DB:
            self._since_s, self._told = None, False
            return ""
        if self._since_s is None:
            self._since_s = now_s
        if self._told or now_s - self._since_s < LASTS_S:
            return ""
        self._told = True
        return "input and output stay at full level: the microphone may hear the loudspeaker (/rtrave/silence 1 mutes)"
