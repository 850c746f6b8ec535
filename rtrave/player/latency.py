"""The latency of a live run, split into its terms."""

from __future__ import annotations

from dataclasses import dataclass

from rtrave.ipc.device_facts import DeviceFacts
from rtrave.model.spec import ModelSpec


@dataclass(frozen=True)
class Latency:
    """The terms of the latency, in samples at the model's rate; a listener hears their sum.

    Attributes
    ----------
    sample_rate : int
        Hz.
    device : float
        Input and output latency that the host reports.
    buffering : int
        Delay between the device's blocks and the model's hops.
    resampler : float
        Both resamplers; 0 where the device runs at the model's rate.
    limiter : int
        Look-ahead of the limiter.
    acoustic : int
        Acoustic delay of the model.
    """

    sample_rate: int
    device: float
    buffering: int
    resampler: float
    limiter: int
    acoustic: int

    @property
    def total_ms(self) -> float:
        """Sum of all terms."""
        return sum(self.terms_ms().values())

    def terms_ms(self) -> dict[str, float]:
        """Return each term in milliseconds, by the name that is shown."""
        terms = {
            "device": self.device,
            "buffering": self.buffering,
            "resampler": self.resampler,
            "limiter": self.limiter,
            "model": self.acoustic,
        }
        return {name: 1000 * n / self.sample_rate for name, n in terms.items()}


def latency_of(spec: ModelSpec, device: DeviceFacts) -> Latency:
    """Compute the latency of a model on an open device."""
    rate = spec.sample_rate
    device_s = device.ports.input_latency_s + device.ports.output_latency_s
    return Latency(
        sample_rate=rate,
        device=device_s * rate,
        buffering=device.driver.buffering_samples,
        resampler=device.driver.resampler_s * rate,
        limiter=device.driver.limiter_samples,
        acoustic=spec.acoustic_delay,
    )
