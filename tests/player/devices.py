"""Facts of devices that the tests need."""

from dataclasses import replace

from rtrave.ipc.device_facts import DeviceFacts, DriverFacts, Granted, PortFacts
from rtrave.ipc.options import BufferingMode, LatePolicy

CARD = DeviceFacts(
    sample_rate=44100,
    hop=2048,
    granted=Granted(-11, True, True),
    driver=DriverFacts(
        block=256,
        buffering=BufferingMode.LOW_LATENCY,
        reason="the host's period is 256 samples, the hop 2048: the engine runs beside the callback",
        buffering_samples=2560,
        granted_s=0.0174,
        margin_s=0.016,
        compute_s=0.007,
        late=LatePolicy.HOLD,
        device_rate=44100,
        limiter_samples=66,
        resampler_s=0.0,
    ),
    ports=PortFacts(
        input="Scarlett 2i2 USB: Audio (hw:1,0)",
        output="Scarlett 2i2 USB: Audio (hw:1,0)",
        host_api="ALSA",
        found_by=("Scarlett 2i2 USB: Audio (hw:1,0), ALSA",) * 2,
        latency_asked="low",
        host_period=256,
        host_samples=None,
        input_latency_s=0.0058,
        output_latency_s=0.0087,
        input_channels=((0,),),
        second_input=None,
        output_channels=((0, 1),),
    ),
)
NULL_DEVICE = replace(
    CARD,
    ports=replace(
        CARD.ports, input="null: demo.flac.npy", output="null", host_api="null", found_by=None, latency_asked=None
    ),
)


def card(**changed: object) -> DeviceFacts:
    """The card with some facts changed, wherever they stand."""
    parts = {}
    for name in ("granted", "driver", "ports"):
        part = getattr(CARD, name)
        own = {key: changed.pop(key) for key in list(changed) if hasattr(part, key)}
        parts[name] = replace(part, **own)
    return replace(CARD, **parts, **changed)
