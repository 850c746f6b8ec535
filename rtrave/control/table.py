"""The table of all addresses. Ranges, types, defaults, validation and the control vector derive from it."""

from __future__ import annotations

import math
from dataclasses import replace

from rtrave.control.parameter import MAX_SEED, ROOT, Access, Parameter, ParameterKind


def _float(
    address: str,
    default: float,
    low: float,
    high: float,
    unit: str,
    description: str,
    hard: tuple[float, float] | None = None,
    persisted: bool = True,
) -> Parameter:
    hard_low, hard_high = hard or (low, high)
    return Parameter(
        ROOT + address, "f", default, low, high, hard_low, hard_high, unit, description=description, persisted=persisted
    )


def _whole(address: str, default: float, low: float, high: float, description: str) -> Parameter:
    return Parameter(ROOT + address, "i", default, low, high, low, high, description=description, persisted=True)


def _switch(address: str, default: float, description: str, persisted: bool = True) -> Parameter:
    return Parameter(ROOT + address, "i", default, description=description, persisted=persisted)


def _choice(address: str, choices: tuple[str, ...], description: str, persisted: bool = True) -> Parameter:
    last = float(len(choices) - 1)
    return Parameter(
        ROOT + address, "s", 0.0, 0.0, last, 0.0, last, choices=choices, description=description, persisted=persisted
    )


def _trigger(address: str, description: str) -> Parameter:
    """A counter in the control vector that each firing raises by one."""
    return Parameter(ROOT + address, "", hard_high=math.inf, access=Access.WRITE, description=description)


def _macro(address: str, type: str, default: float, description: str) -> Parameter:
    return Parameter(ROOT + address, type, default, description=description, kind=ParameterKind.MACRO)


def _hidden(address: str, description: str, soft: float = math.inf, hard: float = math.inf) -> Parameter:
    return Parameter(
        ROOT + address,
        "f",
        0.0,
        -soft,
        soft,
        -hard,
        hard,
        access=Access.READ,
        description=description,
        kind=ParameterKind.HIDDEN,
    )


def _action(address: str, type: str, description: str, optional: int = 0) -> Parameter:
    return Parameter(
        ROOT + address, type, access=Access.WRITE, description=description, kind=ParameterKind.ACTION, optional=optional
    )


def _read(
    address: str, type: str, unit: str, description: str, per_latent: bool = False, several: bool = False
) -> Parameter:
    return Parameter(
        ROOT + address,
        type,
        unit=unit,
        access=Access.READ,
        description=description,
        kind=ParameterKind.READ,
        per_latent=per_latent,
        several=several,
    )


def _reply(address: str, type: str, description: str) -> Parameter:
    return Parameter(ROOT + address, type, access=Access.READ, description=description, kind=ParameterKind.REPLY)


_LATENT = (
    _float("latent/<n>/scale", 1.0, -5.0, 5.0, "", "multiply the latent"),
    _float("latent/<n>/bias", 0.0, -3.0, 3.0, "latent", "add to the latent", (-10.0, 10.0)),
    _float("latent/<n>/value", 0.0, -3.0, 3.0, "latent", "manual value", (-10.0, 10.0)),
    _float("latent/<n>/override", 0.0, 0.0, 1.0, "", "mix from the encoder to the manual value"),
    _switch("latent/<n>/mute", 0.0, "force the latent to 0"),
    _float("latent/<n>/noise", 0.0, 0.0, 3.0, "σ", "jitter added per latent frame"),
    _float("latent/<n>/smooth", 0.0, 0.0, 5000.0, "ms", "time constant of a one-pole at the latent rate"),
)

TABLE: tuple[Parameter, ...] = (
    *_LATENT,
    _switch("latent/<n>/hold", 0.0, "hold the last value"),
    _choice("latent/<n>/lfo/shape", ("off", "sin", "tri", "saw", "square", "random"), "shape of the dimension's LFO"),
    _float("latent/<n>/lfo/rate", 1.0, 0.0, 10.0, "Hz", "rate of the LFO"),
    _float("latent/<n>/lfo/depth", 0.0, -3.0, 3.0, "latent", "depth of the LFO"),
    _float("latent/<n>/lfo/phase", 0.0, -180.0, 180.0, "degrees", "phase of the LFO"),
    *(
        replace(
            p,
            address=p.address.replace("latent/<n>", "latents"),
            kind=ParameterKind.VECTOR,
            per_latent=True,
            persisted=False,
            description=p.description + ": one number for all latents, or one for each",
        )
        for p in _LATENT
    ),
    _read("latent/<n>/in", "f", "latent", "latent before processing"),
    _read("latent/<n>/out", "f", "latent", "latent after processing"),
    _action("latents/reset", "", "reset all latent edits to identity"),
    _choice("space", ("compressed", "full"), "space of the latent dimensions"),
    Parameter(
        ROOT + "z/in",
        "f",
        0.0,
        -3.0,
        3.0,
        -10.0,
        10.0,
        "latent",
        description="one latent frame of the external stream: one number for each latent",
        kind=ParameterKind.VECTOR,
        per_latent=True,
    ),
    _float("z/mix", 0.0, 0.0, 1.0, "", "mix from the encoder to the external stream of z/in"),
    _float("z/timeout", 0.5, 0.05, 10.0, "s", "pause of the external stream after which the encoder fades back in"),
    _float("mix", 1.0, 0.0, 1.0, "", "dry/wet mix; the dry sound is delayed to match"),
    _float("in/gain", 0.0, -70.0, 12.0, "dB", "input gain"),
    _float(
        "in/gate", -90.0, -90.0, 0.0, "dB", "gate: mute the model while the input stays below this level; -90 is off"
    ),
    _float("out/gain", 0.0, -70.0, 12.0, "dB", "output gain"),
    _switch("out/limit", 1.0, "limiter"),
    _float("out/width", 1.0, 0.0, 2.0, "", "width of two channels: 0 mono, 1 unchanged, 2 doubled"),
    _switch("bypass", 0.0, "play the dry sound only"),
    _switch("freeze", 0.0, "hold all latents"),
    _switch("silence", 0.0, "mute the output, with a ramp", persisted=False),
    _float("temperature", 0.0, 0.0, 3.0, "", "scale of the posterior's standard deviation; 0 plays the mean"),
    _float("fill", 1.0, 0.0, 1.0, "", "scale of the noise that fills the dropped components"),
    _float("noise", 0.0, 0.0, 3.0, "σ", "jitter added to every latent, per latent frame"),
    _whole("seed", 0.0, 0.0, MAX_SEED, "seed of the noise source"),
    _whole("dims", 0.0, 0.0, 0.0, "number of components used; noise fills the others"),
    _macro("fidelity", "f", 1.0, "set dims by the share of the latents' variance that they explain"),
    _action("snapshot/store", "s", "store the controls as a snapshot of this name"),
    _action(
        "snapshot/recall",
        "sf",
        "recall a snapshot; the second argument is the duration of the glide, 0 to 60 s",
        optional=1,
    ),
    _action("snapshot/delete", "s", "delete a snapshot"),
    _read("snapshot/list", "s", "", "names of the snapshots", several=True),
    _macro("morph/a", "s", 0.0, "the snapshot at morph/pos 0"),
    _macro("morph/b", "s", 0.0, "the snapshot at morph/pos 1"),
    _macro("morph/pos", "f", 0.0, "position of the controls between snapshots a and b"),
    _macro("morph/corners", "ssss", 0.0, "the snapshots at x, y = 0, 0; 1, 0; 0, 1; 1, 1"),
    _macro("morph/xy", "ff", 0.0, "position of the controls between the four corners"),
    _macro("source/b", "s", 0.0, "second source of latents: off, input2, or the name of a clip"),
    _float("source/mix", 0.0, 0.0, 1.0, "", "mix from the encoder to the second source", persisted=False),
    _choice("source/mode", ("morph", "interleave"), "mix all dimensions, or only the odd ones", persisted=False),
    _switch("trajectory/record", 0.0, "record the latent path", persisted=False),
    _switch("trajectory/play", 0.0, "play the path from its beginning", persisted=False),
    _switch("trajectory/loop", 0.0, "restart the path at its end", persisted=False),
    _choice(
        "trajectory/shape",
        ("recorded", "spherical"),
        "the recorded path, or a rotation through all dimensions in 10 s",
        persisted=False,
    ),
    _float("trajectory/speed", 1.0, -4.0, 4.0, "", "speed of the path; negative speeds run backwards", persisted=False),
    _float("trajectory/amount", 0.0, 0.0, 1.0, "", "mix from the latents to the path", persisted=False),
    *(
        _switch(f"attribute/learn_{side}", 0.0, f"learn the style of the {side} from the input", persisted=False)
        for side in ("source", "target")
    ),
    *(_trigger(f"attribute/reset_{side}", f"reset the learned style of the {side}") for side in ("source", "target")),
    _macro("calibration/listen", "i", 0.0, "1: learn the ranges of the latents from the input; 0: apply and save them"),
    _read("calibration/state", "if", "", "live calibration running (0 or 1), seconds so far"),
    _trigger("panic", "end modulation and freeze, reset the latent edits, clear the model's caches"),
    _hidden("glide/time", "duration of the last glide in s"),
    _hidden("glide/count", "number of glides so far"),
    _hidden("z/frame/<n>", "the newest latent frame of the external stream", 3.0, 10.0),
    _hidden("z/count", "number of latent frames of the external stream so far"),
    _hidden("source/slot", "0 off, 1 the second input, from 2 a clip"),
    _read("z/out", "f", "latent", "the newest latent frame after processing", per_latent=True),
    _read("model/list", "s", "", "names of the models that can be loaded", several=True),
    _read("model/name", "s", "", "name of the model"),
    _read("model/dims", "i", "", "number of latent dimensions"),
    _read("model/sample_rate", "i", "Hz", "sample rate of the model"),
    _read("model/ratio", "i", "samples", "samples per latent frame"),
    _read("model/encoder", "s", "", "kind of encoder"),
    _read("model/delay", "i", "samples", "acoustic delay of the model: how late a listener hears it"),
    _action("model/load", "s", "play another registered model; /rtrave/done or /rtrave/error answers"),
    _float("model/fade", 100.0, 0.0, 2000.0, "ms", "duration of the crossfade to another model"),
    _action("record/start", "s", "start a take; a tag of letters, digits, _ and -", optional=1),
    _action("record/stop", "", "end the take"),
    _action("record/mark", "s", "put a marker into the take", optional=1),
    _read("record/state", "isf", "", "recording (0 or 1), folder name, seconds"),
    _read("status", "iffi", "", "late hops, load, latency in ms, uptime in s"),
    _read("meter", "ffff", "dB", "input peak, input RMS, output peak, output RMS"),
    _read("version", "s", "", "version of rtrave"),
    _action(
        "hello",
        "ii",
        "request feedback for 10 s: reply port, mask (1 status, 2 meter, 4 controls, 8 latents)",
        optional=2,
    ),
    _action("bye", "", "end the feedback"),
    _action(
        "subscribe",
        "sf",
        "send the values that a pattern matches; the second argument is the highest rate, up to 60 Hz",
        optional=1,
    ),
    _action("unsubscribe", "s", "end a subscription"),
    _action("ping", "", "/rtrave/pong answers"),
    _action("sync", "i", "/rtrave/synced answers when every message before it is done"),
    _action("doc", "s", "/rtrave/doc answers: address, types, low, high, unit, description"),
    _reply("pong", "", "answer to /rtrave/ping"),
    _reply("synced", "i", "answer to /rtrave/sync"),
    _reply("done", "ss", "an action that takes time is done: address, what"),
    _reply("error", "ssis", "address, code, argument, text"),
)
