"""Notes on a device that has just been opened: facts of it that cost something, or warn of something."""

from __future__ import annotations

from rtrave.audio.priority import missing
from rtrave.ipc.device_facts import DeviceFacts
from rtrave.player.feedback_watch import built_in_loop


def device_notes(device: DeviceFacts) -> list[str]:
    """Return the notes, one line each, to be shown when a run starts."""
    notes = []
    if resampler_s := device.driver.resampler_s:
        rates = f"the device runs at {device.driver.device_rate} Hz, the model at {device.sample_rate} Hz"
        notes.append(f"{rates}: resampled on both sides, which costs {1000 * resampler_s:.1f} ms")
    if lacks := missing(device.granted):
        notes.append(f"the system grants no {' and no '.join(lacks)}: see docs/latency.md where hops come late")
    if loop := built_in_loop(device):
        notes.append(loop)
    return notes
