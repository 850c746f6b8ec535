"""A device is found by number, name, part or host API, or refused with the candidates; buffering follows the period."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rtrave.audio.buffering import HostPeriod, choose_buffering, choose_mode
from rtrave.audio.device import HOST_SETTINGS, JACK, DeviceInfo, choose_sample_rate, host_settings, resolve
from rtrave.errors import RtraveError
from rtrave.ipc.options import BufferingMode


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
    ("requested", "direction", "index"),
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
def test_found(requested: int | str, direction: str, index: int) -> None:
    assert resolve(DEVICES, requested, direction).index == index


@pytest.mark.parametrize(
    ("requested", "direction", "said"),
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
def test_refused_with_the_candidates(requested: int | str, direction: str, said: list[str]) -> None:
    with pytest.raises(RtraveError) as error:
        resolve(DEVICES, requested, direction)
    assert all(part in str(error.value) for part in said), str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_choose_from() -> None:
    with pytest.raises(RtraveError, match="input devices are none"):
        resolve((), "any", "input")


def test_a_jack_server_sets_the_rate() -> None:
    jack = device(0, "system", JACK, rate=48000.0)
    assert choose_sample_rate(jack, jack, (1, 2), 44100) == 48000


@pytest.mark.parametrize(
    ("taken", "expected"),
    [((44100, 48000), 44100), ((48000, 96000), 48000), ((96000,), 96000), ((32000, 96000), 32000)],
)
def test_the_models_rate_is_asked_for_first_then_the_devices_own(monkeypatch, taken, expected) -> None:
    monkeypatch.setattr(
        "rtrave.audio.device._refusal", lambda end, way, channels, rate: "" if rate in taken else f"no {rate}"
    )
    ends = device(0, "in", "ALSA", rate=96000.0), device(1, "out", "ALSA", rate=32000.0 if 32000 in taken else 48000.0)
    assert choose_sample_rate(*ends, (1, 2), 44100) == expected


def test_ends_that_share_no_rate_are_refused_in_one_line(monkeypatch) -> None:
    def refusal(end: DeviceInfo, way: str, channels: int, rate: int) -> str:
        return "" if rate == end.default_sample_rate else f"{way} device '{end.name}': no {rate}"

    monkeypatch.setattr("rtrave.audio.device._refusal", refusal)
    ends = device(0, "mic", "ALSA", rate=16000.0), device(1, "out", "ALSA", rate=48000.0)
    with pytest.raises(RtraveError, match="'mic' and 'out' share no sample rate") as error:
        choose_sample_rate(*ends, (1, 2), 44100)
    assert "\n" not in str(error.value)


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
    mode = BufferingMode(mode)
    plan = choose_buffering(mode, 2048, period, size, open_ended)
    chosen, reason = choose_mode(mode, 2048, plan.period)
    assert (chosen, plan.asked, plan.block) == expected
    risky = mode is BufferingMode.DIRECT and (period is None or period.period < 2048)
    assert ("may miss" in reason) == risky


@pytest.mark.parametrize("size", [8, 16385])
def test_a_block_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(RtraveError, match=f"--block-size: expected 16 to 16384 samples, got {size}"):
        choose_buffering(BufferingMode.AUTO, 2048, HostPeriod(256, 256), size)


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


def test_host_settings_are_those_that_sounddevice_takes() -> None:
    import inspect

    import sounddevice

    for name, settings in HOST_SETTINGS.values():
        assert set(settings) <= set(inspect.signature(getattr(sounddevice, name).__init__).parameters)
    assert isinstance(host_settings("Windows WASAPI", {"exclusive": True}), sounddevice.WasapiSettings)
    assert host_settings("ALSA", {}) is None


@pytest.mark.parametrize(
    ("api", "given", "said"),
    [
        ("ALSA", {"exclusive": True}, "the host API 'ALSA' takes no setting exclusive: those that take some are ASIO"),
        ("Windows WASAPI", {"exclusiv": True}, "takes no setting exclusiv: it takes exclusive, auto_convert"),
        ("ASIO", {"channel_selectors": 7}, "settings for 'ASIO'"),
    ],
)
def test_host_settings_that_do_not_fit_are_refused_in_one_line(api: str, given: dict, said: str) -> None:
    with pytest.raises(RtraveError, match=said) as error:
        host_settings(api, given)
    assert "\n" not in str(error.value)
