"""The actions and readers of a live run by OSC address. The controls need none."""

from __future__ import annotations

from collections.abc import Callable

from rtrave.control.instrument import Instrument
from rtrave.model.registry import registered_models
from rtrave.model.spec import ModelSpec
from rtrave.osc.dispatch import Action
from rtrave.osc.values import Reader
from rtrave.player.monitor import Monitor
from rtrave.player.recorder import Recorder
from rtrave.settings import VERSION


def osc_actions(recorder: Recorder, load: Callable[[str], None]) -> dict[str, Action]:
    """Return the actions for recording and loading models. The OSC server's thread calls them; each returns at once."""

    def mark(text: str = "") -> None:
        recorder.event("mark", text=text)

    return {
        "/rtrave/record/start": recorder.start,
        "/rtrave/record/stop": recorder.stop,
        "/rtrave/record/mark": mark,
        "/rtrave/model/load": load,
    }


def osc_readers(
    spec: Callable[[], ModelSpec], monitor: Monitor, recorder: Recorder, status: Reader, instrument: Instrument
) -> dict[str, Reader]:
    """Return the readers of all read-only values, in the types of the table. The OSC server's thread calls them."""

    def latents(end: str) -> Reader:
        return lambda: tuple(monitor.latents(end, instrument.controls.values).tolist())

    def record_state() -> tuple[int, str, float]:
        name = recorder.folder.name if recorder.recording and recorder.folder else ""
        return int(recorder.recording), name, recorder.seconds

    def calibration_state() -> tuple[int, float]:
        gatherer = monitor.gatherer
        return int(gatherer.active), gatherer.frames / spec().latent_rate_hz

    return {
        "/rtrave/latent/<n>/in": latents("in"),
        "/rtrave/latent/<n>/out": latents("out"),
        "/rtrave/z/out": latents("out"),
        "/rtrave/snapshot/list": instrument.names,
        "/rtrave/calibration/state": calibration_state,
        "/rtrave/status": status,
        "/rtrave/meter": monitor.levels_db,
        "/rtrave/record/state": record_state,
        "/rtrave/version": lambda: (VERSION,),
        "/rtrave/model/list": lambda: tuple(sorted(registered_models())),
        "/rtrave/model/name": lambda: (spec().name,),
        "/rtrave/model/dims": lambda: (spec().full_latent_size,),
        "/rtrave/model/sample_rate": lambda: (spec().sample_rate,),
        "/rtrave/model/ratio": lambda: (spec().ratio,),
        "/rtrave/model/encoder": lambda: (f"{spec().architecture} {spec().regularisation}",),
        "/rtrave/model/delay": lambda: (spec().acoustic_delay,),
    }
