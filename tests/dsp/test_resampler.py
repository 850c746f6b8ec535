"""The streaming resampler: its lag is steady, its pitch is exact, its images and aliases lie below -90 dB."""

import numpy as np
import pytest

from rtrave.dsp.resampler import Resampler, lag_samples

PAIRS = [(48000, 44100), (44100, 48000), (96000, 44100), (44100, 96000), (44100, 88200), (32000, 44100)]


def tone(rate, hz, seconds=2.0, phase=0.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate + phase)[None].astype(np.float32)


def resampled(in_rate, out_rate, x):
    """Resample x; return one second from the middle, away from the ends."""
    y = Resampler(in_rate, out_rate, 1).process(x)[0]
    return y[out_rate // 2 : out_rate // 2 + out_rate].astype(np.float64)


def level_db(y, rate, hz):
    """Return the level of a sine of `hz` in y, one second long, in dBFS."""
    return 20 * np.log10(2 * abs(np.mean(y * np.exp(-2j * np.pi * hz * np.arange(rate) / rate))) + 1e-12)


@pytest.mark.parametrize(("in_rate", "out_rate"), PAIRS)
def test_the_lag_is_steady_for_chunks_of_any_size(in_rate, out_rate):
    lag, rng = lag_samples(in_rate, out_rate), np.random.default_rng(1)
    resampler, received, returned = Resampler(in_rate, out_rate, 2), 0, 0
    for size in rng.choice([1, 17, 64, 441, 2047, 2049], 400):
        returned += resampler.process(rng.standard_normal((2, size)).astype(np.float32)).shape[1]
        received += int(size)
        if received > in_rate // 10:
            assert lag - 3 <= received * out_rate / in_rate - returned <= lag + 1
    assert lag < 0.008 * out_rate  # 8 ms


@pytest.mark.parametrize("chunks", [(1, 17, 2047), (256,)])
def test_chunks_do_not_change_the_sound(chunks):
    x = np.random.default_rng(2).standard_normal((2, 20000)).astype(np.float32)
    whole = Resampler(48000, 44100, 2).process(x)
    resampler, at, parts = Resampler(48000, 44100, 2), 0, []
    while at < x.shape[1]:
        size = chunks[len(parts) % len(chunks)]
        parts.append(resampler.process(x[:, at : at + size]))
        at += size
    np.testing.assert_allclose(np.concatenate(parts, axis=1)[:, : whole.shape[1]], whole, atol=1e-6)


@pytest.mark.parametrize(("in_rate", "out_rate"), PAIRS)
def test_one_kilohertz_keeps_its_pitch_level_and_phase(in_rate, out_rate):
    y = resampled(in_rate, out_rate, tone(in_rate, 1000))
    phases = np.unwrap(np.angle([np.sum(part * np.exp(-2j * np.pi * 1000 * np.arange(4000) / out_rate))
                                for part in (y[:4000], y[-4000:])]))  # fmt: skip
    apart_s = (out_rate - 4000) / out_rate
    offset = (2 * np.pi * 1000 * apart_s) % (2 * np.pi)
    drift_hz = ((phases[1] - phases[0] - offset + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi * apart_s)
    assert abs(1200 * np.log2(1 + drift_hz / 1000)) < 0.01
    assert abs(level_db(y, out_rate, 1000)) < 0.05
    lag_rad = -(np.angle(np.sum(y * np.exp(-2j * np.pi * 1000 * np.arange(out_rate) / out_rate))) + np.pi / 2)
    assert abs(lag_rad / (2 * np.pi * 1000)) < 0.0001  # a tenth of a millisecond


@pytest.mark.parametrize(("in_rate", "out_rate"), PAIRS)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_tones_keep_their_level_and_nothing_is_added(in_rate, out_rate, share):
    """Images and aliases of a tone up to 0.9 of the lower Nyquist frequency lie 90 dB below it."""
    hz = round(share * min(in_rate, out_rate) / 2)
    y = resampled(in_rate, out_rate, tone(in_rate, hz))
    spectrum = np.abs(np.fft.rfft(y * np.blackman(out_rate))) / (0.42 * out_rate / 2)
    spectrum[max(hz - 4, 0) : hz + 5] = 0
    assert 20 * np.log10(spectrum.max()) < -90
    assert level_db(y, out_rate, hz) > (-0.2 if share < 0.9 else -3.0)


@pytest.mark.parametrize(("in_rate", "out_rate", "hz"), [(48000, 44100, 23500), (96000, 44100, 30000)])
def test_tones_above_the_lower_nyquist_frequency_do_not_alias(in_rate, out_rate, hz):
    y = resampled(in_rate, out_rate, tone(in_rate, hz))
    assert 20 * np.log10(np.sqrt(2 * np.mean(y**2)) + 1e-12) < -90
