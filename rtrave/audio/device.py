"""Sound devices through PortAudio: listing, choosing, probing rate and host period, opening.

Only the audio process opens streams; listing and choosing may be called from any process. sounddevice is imported
inside the functions, so that this module imports on a computer without PortAudio.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rtrave.audio.buffering import HostPeriod
from rtrave.errors import RtraveError
from rtrave.ipc.options import HostSetting, LatencyRequest

Direction: TypeAlias = Literal["input", "output"]

JACK = "JACK Audio Connection Kit"
PROBE_PERIODS = 4
PROBE_LIMIT_S = 3.0
# Host API to the class of sounddevice and its settings. Passed through; not tested on their systems.
HOST_SETTINGS = {
    "ASIO": ("AsioSettings", ("channel_selectors",)),
    "Windows WASAPI": ("WasapiSettings", ("exclusive", "auto_convert", "explicit_sample_format")),
    "Core Audio": (
        "CoreAudioSettings",
        ("channel_map", "change_device_parameters", "fail_if_conversion_required", "conversion_quality"),
    ),
}
COMMON_RATES = (48000, 44100, 96000, 88200)


@dataclass(frozen=True)
class DeviceInfo:
    """One device as PortAudio lists it. Channels are counts, the rate is in Hz, latencies are in seconds."""

    index: int
    name: str
    host_api: str
    input_channels: int
    output_channels: int
    default_sample_rate: float
    low_input_latency_s: float
    low_output_latency_s: float
    high_input_latency_s: float
    high_output_latency_s: float

    @property
    def label(self) -> str:
        """Name that distinguishes it from other devices, and that `resolve` accepts."""
        return f"{self.name}, {self.host_api}"


def _portaudio() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise RtraveError(
            "the PortAudio library is missing: install it (Debian, Ubuntu: apt-get install libportaudio2; "
            f"Fedora: dnf install portaudio; macOS: brew install portaudio) [{error}]"
        ) from error
    except ImportError as error:
        raise RtraveError("the Python package sounddevice is missing: pip install sounddevice") from error
    return sounddevice


def list_devices() -> tuple[DeviceInfo, ...]:
    """List all devices of PortAudio, which looked for them when it was first used in this process.

    Raises
    ------
    RtraveError
        The PortAudio library is missing.
    """
    sd = _portaudio()
    host_apis = [host["name"] for host in sd.query_hostapis()]
    return tuple(
        DeviceInfo(
            index=index,
            name=device["name"],
            host_api=host_apis[device["hostapi"]],
            input_channels=device["max_input_channels"],
            output_channels=device["max_output_channels"],
            default_sample_rate=device["default_samplerate"],
            low_input_latency_s=device["default_low_input_latency"],
            low_output_latency_s=device["default_low_output_latency"],
            high_input_latency_s=device["default_high_input_latency"],
            high_output_latency_s=device["default_high_output_latency"],
        )
        for index, device in enumerate(sd.query_devices())
    )


def resolve(devices: Sequence[DeviceInfo], requested: int | str, direction: Direction) -> DeviceInfo:
    """Find a device that has channels in this direction.

    Parameters
    ----------
    devices : sequence of DeviceInfo
        From `list_devices`.
    requested : int or str
        An index, a name or a part of one in any case, "name, host API", or a host API's name where that has one device
        only.
    direction : "input" or "output"

    Raises
    ------
    RtraveError
        No device or several fit; the message names the candidates.
    """
    usable = [device for device in devices if getattr(device, f"{direction}_channels") > 0]
    listed = "; ".join(f"{device.index}: {device.label}" for device in usable) or "none"
    text = str(requested).strip().lower()
    if text.isascii() and text.isdigit():
        for device in usable:
            if device.index == int(text):
                return device
        raise RtraveError(f"no {direction} device {text}; {direction} devices are {listed}")
    rules: tuple[Callable[[DeviceInfo], bool], ...] = (
        lambda device: device.label.lower() == text,
        lambda device: device.name.lower() == text,
        lambda device: device.host_api.lower() == text,
        lambda device: text in device.label.lower(),
    )
    for rule in rules:
        found = [device for device in usable if text and rule(device)]
        if len(found) == 1:
            return found[0]
        if found:
            several = "; ".join(f"{device.index}: {device.label}" for device in found)
            raise RtraveError(f"'{requested}' fits several {direction} devices: {several}; give a number")
    raise RtraveError(f"no {direction} device '{requested}'; {direction} devices are {listed}")


def pick_default() -> tuple[DeviceInfo, DeviceInfo] | None:
    """Choose input and output where none is named: those of a running JACK server, else the system's default.

    Return None where the computer has no input or no output.
    """
    sd = _portaudio()
    devices = list_devices()
    for device in devices:
        if device.host_api == JACK and device.input_channels and device.output_channels:
            return device, device
    source, sink = sd.default.device
    if source < 0 or sink < 0:
        return None
    return devices[source], devices[sink]


def choose_sample_rate(source: DeviceInfo, sink: DeviceInfo, channels: tuple[int, int], preferred: int) -> int:
    """Choose the rate to open a device at, Hz: the preferred one where both ends take it, else one that both take.

    Parameters
    ----------
    channels : (int, int)
        Device channels opened, in and out.

    Raises
    ------
    RtraveError
        The two ends share no rate; one line.
    """
    ends: tuple[tuple[DeviceInfo, Direction, int], ...] = (
        (source, "input", channels[0]),
        (sink, "output", channels[1]),
    )
    own = [round(device.default_sample_rate) for device in (sink, source)]
    tried = [own[0]] if sink.host_api == JACK else list(dict.fromkeys([preferred, *own, *COMMON_RATES]))
    why = ""
    for rate in tried:  # JACK has the server's rate only
        refusals = [why for device, way, count in ends if (why := _refusal(device, way, count, rate))]
        if not refusals:
            return rate
        why = why or refusals[0]
    raise RtraveError(f"'{source.name}' and '{sink.name}' share no sample rate that can be opened: {why}")


def _refusal(device: DeviceInfo, direction: Direction, channels: int, sample_rate: int) -> str:
    """Return why a device does not open at these settings; empty where it does."""
    if device.host_api == JACK:
        own = round(device.default_sample_rate)
        return "" if own == sample_rate else f"JACK runs at {own} Hz"
    sd = _portaudio()
    check = sd.check_input_settings if direction == "input" else sd.check_output_settings
    try:
        check(device=device.index, channels=channels, dtype="float32", samplerate=sample_rate)
    except (sd.PortAudioError, ValueError) as error:
        return f"{direction} device '{device.name}', {channels} channels, {sample_rate} Hz: {_words(error)}"
    return ""


def _words(error: Exception) -> str:
    """Return PortAudio's error on one line."""
    return " ".join(str(error).split())


def host_settings(host_api: str, given: Mapping[str, HostSetting]) -> Any:
    """Make sounddevice's settings for one host API from {name: value}; None where nothing is given.

    Raises
    ------
    RtraveError
        The host API takes no such setting; the message names those it takes.
    """
    if not given:
        return None
    names = HOST_SETTINGS.get(host_api, ("", ()))[1]
    if unknown := sorted(set(given) - set(names)):
        takes = f"it takes {', '.join(names)}" if names else f"those that take some are {', '.join(HOST_SETTINGS)}"
        raise RtraveError(f"the host API '{host_api}' takes no setting {', '.join(unknown)}: {takes}")
    make = getattr(_portaudio(), HOST_SETTINGS[host_api][0])
    try:
        return make(**given)
    except (TypeError, ValueError) as error:
        raise RtraveError(f"settings for '{host_api}': {_words(error)}") from error


def open_stream(
    source: DeviceInfo,
    sink: DeviceInfo,
    channels: tuple[int, int],
    sample_rate: int,
    block: int,
    latency: LatencyRequest,
    callback: Callable[..., None],
    extra_settings: Any = None,
) -> Any:
    """Open a duplex stream, float32, not started. Audio process.

    Parameters
    ----------
    channels : (int, int)
        Device channels opened, in and out.
    block : int
        Samples per callback; 0 leaves it to the host.
    latency : "low", "high" or float
        Latency asked of PortAudio; a number is in seconds.
    extra_settings
        From `host_settings`.

    Raises
    ------
    RtraveError
        The device refuses.
    """
    sd = _portaudio()
    try:
        return sd.Stream(
            device=(source.index, sink.index),
            channels=channels,
            samplerate=sample_rate,
            blocksize=block,
            latency=latency,
            dtype="float32",
            callback=callback,
            extra_settings=extra_settings,
        )
    except (sd.PortAudioError, ValueError) as error:
        raise RtraveError(f"cannot open '{source.name}' to '{sink.name}': {_words(error)}") from error


def restart_portaudio() -> None:
    """Close PortAudio and open it again; no stream may be open. Audio process."""
    close_portaudio()
    _portaudio()._initialize()


def close_portaudio() -> None:
    """Close PortAudio where it was used, so that the sound servers know. Audio process, after the last stream."""
    if "sounddevice" in sys.modules:
        _portaudio()._terminate()


def probe_host_period(
    source: DeviceInfo, sink: DeviceInfo, channels: tuple[int, int], sample_rate: int, hop: float
) -> HostPeriod | None:
    """Find how many samples the host moves at once, by a short silent stream. Audio process; 0.1 to 3 s.

    The block of a callback does not say: PortAudio collects several host periods for a large block, and cuts a large
    period into callbacks of 1024 where the block is left open. But the callbacks of one period carry the same current
    time, so their samples add up to the period.

    Return None where the host calls back too seldom.
    """
    sums: Counter[float] = Counter()
    blocks: set[int] = set()

    def silent(_: Any, outdata: Any, frames: int, stamps: Any, __: Any) -> None:
        outdata.fill(0.0)
        sums[stamps.currentTime] += frames
        blocks.add(frames)

    with open_stream(source, sink, channels, sample_rate, 0, hop / sample_rate, silent):
        limit_s = time.monotonic() + PROBE_LIMIT_S
        while len(sums) <= PROBE_PERIODS and time.monotonic() < limit_s:
            time.sleep(0.005)
    # The second stream of one PortAudio gets other JACK port names, and so loses the patches saved by name.
    restart_portaudio()
    periods = list(sums.values())[:-1]  # the last one may be cut off
    if not periods:
        return None
    period = Counter(periods).most_common(1)[0][0]
    return HostPeriod(period, blocks.pop() if len(blocks) == 1 else None)
