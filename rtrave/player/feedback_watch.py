"""Warn of a feedback loop: own microphone and loudspeaker, or a level that stays at the top at both ends."""

from __future__ import annotations

import re

from rtrave.ipc.device_facts import NULL, DeviceFacts

# Names of built-in devices in Core Audio, ALSA, WASAPI and WDM.
BUILT_IN = re.compile(
    r"built-?in|internal|macbook|imac|hda intel|realtek|microphone array|conexant|sof-", re.IGNORECASE
)
HEADPHONES = re.compile(r"head(phone|set)|earpiece", re.IGNORECASE)
LOUD_DB = -3.0
LASTS_S = 2.0


def built_in_loop(device: DeviceFacts) -> str:
    """Return a warning where microphone and loudspeaker are both built in; empty otherwise."""
    source, sink = device.ports.input, device.ports.output
    if device.ports.host_api == NULL or HEADPHONES.search(sink):
        return ""
    if not (BUILT_IN.search(source) and BUILT_IN.search(sink)):
        return ""
    return f"'{source}' may pick up '{sink}': use headphones, or turn the loudspeaker down (/rtrave/silence 1 mutes)"


class FeedbackWatch:
    """Watch that warns once when input and output have both stayed loud. Control process, main thread."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._warned = False

    def look(self, in_peak_db: float, out_peak_db: float, now_s: float) -> str:
        """Return a warning, mostly empty. Peaks of the last hop in dBFS; `now_s` in seconds of any clock."""
        if min(in_peak_db, out_peak_db) < LOUD_DB:
            self._since_s, self._warned = None, False
            return ""
        if self._since_s is None:
            self._since_s = now_s
        if self._warned or now_s - self._since_s < LASTS_S:
            return ""
        self._warned = True
        return (
            "input and output stay at full level: the microphone may pick up the loudspeaker (/rtrave/silence 1 mutes)"
        )
