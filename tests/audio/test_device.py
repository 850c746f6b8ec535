"""A device is found by number, name, part or host API, or refused with the candidates; buffering follows the period."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rtrave.audio.device import JACK, DeviceInfo, HostPeriod, check_sample_rate, choose_buffering, resolve
from rtrave.errors import RtraveError


def device(
    index: int, name: str, host_api: str, inputs: int = 2, outputs: int = 2, rate: float = 44100.0
) -> DeviceInfo:
    return DeviceInfo(index, name, host_api, inputs, outputs, rate, 0.01, 0.01, 0.1, 0.1)


DEVICES = (
    device(0, "HDA Intel: ALC257 (hw:0,0)", "ALSA"),
    device(1, "HDA Intel: HDMI 0 (hw:0,3)", "ALSA", inputs=0, outputs=8),
    device(2, "Scarlett 2i2", "ALSA"),
    device(3, "Scarlett 2i2", "OSS"),
    device(4, "pulse", "ALSA", 32, 32),
    device(5, "Pulse mixer", "OSS"),
    device(6, "system", JACK),
)


@pytest.mark.parametrize(
    ("wanted", "direction", "index"),
    [
        (2, "input", 2),
        ("2", "output", 2),
        ("alc257", "input", 0),
        ("HDMI", "output", 1),
        ("scarlett 2i2, oss", "input", 3),
        ("hda intel", "input", 0),  # the other one has no input
        ("PULSE", "input", 4),  # a whole name goes before a part
        ("jack audio connection kit", "output", 6),
        ("jack", "input", 6),
        (" System ", "output", 6),
    ],
)
def test_found(wanted: int | str, direction: str, index: int) -> None:
    assert resolve(DEVICES, wanted, direction).index == index


@pytest.mark.parametrize(
    ("wanted", "direction", "said"),
    [
        ("scarlett", "input", ["fits several input devices", "2: Scarlett 2i2, ALSA", "3: Scarlett 2i2, OSS"]),
        ("hda intel", "output", ["0: HDA", "1: HDA"]),
        ("alsa", "input", ["0: HDA", "2: Scarlett", "4: pulse"]),
        ("behringer", "input", ["no input device 'behringer'", "6: system, JACK"]),
        ("", "input", ["no input device ''"]),
        (1, "input", ["no input device 1", "0: HDA"]),
        (99, "output", ["no output device 99"]),
        ("²", "output", ["no output device '²'"]),
    ],
)
def test_refused_with_the_candidates(wanted: int | str, direction: str, said: list[str]) -> None:
    with pytest.raises(RtraveError) as error:
        resolve(DEVICES, wanted, direction)
    assert all(part in str(error.value) for part in said), str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_choose_from() -> None:
    with pytest.raises(RtraveError, match="input devices are none"):
        resolve((), "any", "input")


def test_a_jack_server_at_another_rate_is_refused_with_what_to_set() -> None:
    with pytest.raises(RtraveError) as error:
        check_sample_rate(device(0, "system", JACK, rate=48000.0), "input", 44100, 1)
    assert str(error.value) == (
        "device 'system' runs at 48000 Hz, the model needs 44100 Hz: "
        "set the device or JACK to 44100 Hz (jackd -r 44100)"
    )
    check_sample_rate(device(0, "system", JACK), "input", 44100, 1)


@pytest.mark.parametrize(
    ("mode", "period", "open_ended", "size", "expected"),
    [
        ("auto", HostPeriod(2048, 1024), True, None, ("direct", 0, 1024)),
        ("auto", HostPeriod(4096, 1024), True, None, ("direct", 0, 1024)),
        ("auto", HostPeriod(3000, None), True, None, ("direct", 0, None)),
        ("auto", HostPeriod(256, 256), True, None, ("low-latency", 0, 256)),
        ("auto", HostPeriod(256, 256), True, 64, ("low-latency", 64, 64)),
        ("auto", HostPeriod(2048, 2048), False, None, ("direct", 2048, 2048)),
        ("auto", HostPeriod(512, 512), False, None, ("low-latency", 512, 512)),
        ("auto", None, False, None, ("low-latency", 512, 512)),
        ("direct", HostPeriod(256, 256), True, None, ("direct", 0, 256)),
        ("direct", None, False, None, ("direct", 2048, 2048)),
        ("low-latency", HostPeriod(4096, 4096), False, None, ("low-latency", 2048, 2048)),
    ],
)
def test_buffering_follows_the_host_period(mode, period, open_ended, size, expected) -> None:
    plan = choose_buffering(mode, 2048, period, size, open_ended)
    assert (plan.mode, plan.asked, plan.block) == expected
    risky = mode == "direct" and (period is None or period.period < 2048)
    assert ("may miss" in plan.reason) == risky


@pytest.mark.parametrize(("mode", "size"), [("fast", None), ("auto", 8), ("auto", 16385)])
def test_buffering_refuses_what_it_does_not_know(mode: str, size: int | None) -> None:
    with pytest.raises(RtraveError):
        choose_buffering(mode, 2048, HostPeriod(256, 256), size)


def test_without_portaudio_one_line_names_the_package() -> None:
    code = (
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'sounddevice': raise OSError('PortAudio library not found')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "import rtrave, rtrave.audio.device as device, rtrave.audio.process\n"
        "from rtrave.errors import RtraveError\n"
        "try: device.list_devices()\n"
        "except RtraveError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "libportaudio2" in done.stdout and done.stdout.count("\n") == 1
