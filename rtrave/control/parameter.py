"""The one table of addresses. Ranges, types, defaults, validation and the control vector derive from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

ROOT = "/rtrave/"
NORM = "/rtrave/norm/"
PANIC = "/rtrave/panic"
RESET = "/rtrave/latents/reset"
DIMS = "/rtrave/dims"
FIDELITY = "/rtrave/fidelity"
SECOND_INPUT, FIRST_CLIP = 1, 2  # source/slot: 0 is off, then the second input, then the clips
MAX_SEED = 2**31 - 1  # the largest whole number of OSC

Value = float | int | str


@dataclass(frozen=True)
class Parameter:
    """One address of the control namespace.

    Parameters
    ----------
    address : str
        Full address; `<n>` stands for the index of a latent dimension, from 0.
    type : str
        OSC types of the arguments or of the value, one letter each: "f", "i", "s", "iffi"; "" is a trigger.
    default, low, high : float
        Default value and soft range (what a fader shows). For a choice the default is its index.
    hard_low, hard_high : float
        Where a float is clipped, and beyond which an integer is refused.
    unit : str
        "dB", "latent" and so on; "" for a plain number.
    access : str
        "rw", "r" or "w".
    choices : tuple of str
        The allowed words of an "s" control; its value in the vector is the index.
    description : str
        One line for users.
    kind : str
        "control" (has a place in the control vector), "vector" (all latent dimensions of a control at once),
        "macro" (a value that moves controls, kept beside the vector), "hidden" (a place in the vector that no
        message addresses), "action" (does something), "read" (a value told by the program), "reply" (only sent by
        the program).
    optional : int
        How many of the last arguments of an action may be left out.
    per_latent : bool
        A value with one number per latent dimension.
    several : bool
        A value of any number of words.
    kept : bool
        Part of a snapshot, and of what the next run begins with.
    """

    address: str
    type: str
    default: float = 0.0
    low: float = 0.0
    high: float = 1.0
    hard_low: float = 0.0
    hard_high: float = 1.0
    unit: str = ""
    access: str = "rw"
    choices: tuple[str, ...] = ()
    description: str = ""
    kind: str = "control"
    optional: int = 0
    per_latent: bool = False
    several: bool = False
    kept: bool = False


def _float(
    address: str,
    default: float,
    low: float,
    high: float,
    unit: str,
    description: str,
    hard: tuple[float, float] | None = None,
    kept: bool = True,
) -> Parameter:
    hard_low, hard_high = hard or (low, high)
    return Parameter(
        ROOT + address, "f", default, low, high, hard_low, hard_high, unit, description=description, kept=kept
    )


def _whole(address: str, default: float, low: float, high: float, description: str) -> Parameter:
    return Parameter(ROOT + address, "i", default, low, high, low, high, description=description, kept=True)


def _switch(address: str, default: float, description: str, kept: bool = True) -> Parameter:
    return Parameter(ROOT + address, "i", default, description=description, kept=kept)


def _choice(address: str, choices: tuple[str, ...], description: str, kept: bool = True) -> Parameter:
    last = float(len(choices) - 1)
    return Parameter(
        ROOT + address, "s", 0.0, 0.0, last, 0.0, last, choices=choices, description=description, kept=kept
    )


def _trigger(address: str, description: str) -> Parameter:
    """A counter in the control vector; each firing raises it by one."""
    return Parameter(ROOT + address, "", hard_high=math.inf, access="w", description=description)


def _macro(address: str, type: str, default: float, description: str) -> Parameter:
    return Parameter(ROOT + address, type, default, description=description, kind="macro")


def _hidden(address: str, description: str, soft: float = math.inf, hard: float = math.inf) -> Parameter:
    return Parameter(
        ROOT + address, "f", 0.0, -soft, soft, -hard, hard, access="r", description=description, kind="hidden"
    )


def _action(address: str, type: str, description: str, optional: int = 0) -> Parameter:
    return Parameter(ROOT + address, type, access="w", description=description, kind="action", optional=optional)


def _read(
    address: str, type: str, unit: str, description: str, per_latent: bool = False, several: bool = False
) -> Parameter:
    return Parameter(
        ROOT + address,
        type,
        unit=unit,
        access="r",
        description=description,
        kind="read",
        per_latent=per_latent,
        several=several,
    )


def _reply(address: str, type: str, description: str) -> Parameter:
    return Parameter(ROOT + address, type, access="r", description=description, kind="reply")


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
    _switch("latent/<n>/hold", 0.0, "keep the last value"),
    _choice("latent/<n>/lfo/shape", ("off", "sin", "tri", "saw", "square", "random"), "shape of the dimension's LFO"),
    _float("latent/<n>/lfo/rate", 1.0, 0.0, 10.0, "Hz", "rate of the LFO"),
    _float("latent/<n>/lfo/depth", 0.0, -3.0, 3.0, "latent", "how far the LFO moves the latent"),
    _float("latent/<n>/lfo/phase", 0.0, -180.0, 180.0, "degrees", "phase of the LFO"),
    *(
        replace(
            p,
            address=p.address.replace("latent/<n>", "latents"),
            kind="vector",
            per_latent=True,
            kept=False,
            description=p.description + ": one number for all, or one for each",
        )
        for p in _LATENT
    ),
    _read("latent/<n>/in", "f", "latent", "latent before processing"),
    _read("latent/<n>/out", "f", "latent", "latent after processing"),
    _action("latents/reset", "", "all latent edits back to identity"),
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
        description="a latent frame from outside: one number for each",
        kind="vector",
        per_latent=True,
    ),
    _float("z/mix", 0.0, 0.0, 1.0, "", "mix from the encoder to the stream from outside"),
    _float("z/timeout", 0.5, 0.05, 10.0, "s", "fades back to the encoder when the stream from outside stops"),
    _float("mix", 1.0, 0.0, 1.0, "", "dry/wet, dry delayed to match"),
    _float("in/gain", 0.0, -70.0, 12.0, "dB", "input gain"),
    _float("in/gate", -90.0, -90.0, 0.0, "dB", "the model is silent while the input stays below; -90 is off"),
    _float("out/gain", 0.0, -70.0, 12.0, "dB", "output gain"),
    _switch("out/limit", 1.0, "limiter"),
    _float("out/width", 1.0, 0.0, 2.0, "", "how far two channels are apart: 0 alike, 1 as they are, 2 opposed"),
    _switch("bypass", 0.0, "dry only"),
    _switch("freeze", 0.0, "hold the whole latent"),
    _switch("silence", 0.0, "kill switch, ramped", kept=False),
    _float("temperature", 0.0, 0.0, 3.0, "", "scale of the posterior's deviation; 0 is the mean"),
    _float("fill", 1.0, 0.0, 1.0, "", "scale of the noise that fills dropped components"),
    _float("noise", 0.0, 0.0, 3.0, "σ", "jitter added to every latent, per latent frame"),
    _whole("seed", 0.0, 0.0, MAX_SEED, "the noise source's seed"),
    _whole("dims", 0.0, 0.0, 0.0, "components kept; the others are filled with noise"),
    _macro("fidelity", "f", 1.0, "sets dims by the share of the latent's variance that they explain"),
    _action("snapshot/store", "s", "keep the controls as a snapshot of this name"),
    _action("snapshot/recall", "sf", "back to a snapshot, gliding there for so many seconds (0 to 60)", optional=1),
    _action("snapshot/delete", "s", "forget a snapshot"),
    _read("snapshot/list", "s", "", "names of the snapshots", several=True),
    _macro("morph/a", "s", 0.0, "the snapshot at morph/pos 0"),
    _macro("morph/b", "s", 0.0, "the snapshot at morph/pos 1"),
    _macro("morph/pos", "f", 0.0, "where the controls are between snapshots a and b"),
    _macro("morph/corners", "ssss", 0.0, "snapshots at x, y = 0, 0; 1, 0; 0, 1; 1, 1"),
    _macro("morph/xy", "ff", 0.0, "where the controls are between the four corners"),
    _macro("source/b", "s", 0.0, "second source of latents: off, input2, or the name of a clip"),
    _float("source/mix", 0.0, 0.0, 1.0, "", "how much of the second source", kept=False),
    _choice("source/mode", ("morph", "interleave"), "mix all dimensions, or the odd ones alone", kept=False),
    _switch("trajectory/record", 0.0, "record the latent path", kept=False),
    _switch("trajectory/play", 0.0, "play the path from its beginning", kept=False),
    _switch("trajectory/loop", 0.0, "begin again at its end", kept=False),
    _choice(
        "trajectory/shape",
        ("recorded", "spherical"),
        "the recorded path, or a turn in all dimensions in 10 s",
        kept=False,
    ),
    _float("trajectory/speed", 1.0, -4.0, 4.0, "", "speed of the path; below 0 it runs backwards", kept=False),
    _float("trajectory/amount", 0.0, 0.0, 1.0, "", "mix from the latents to the path", kept=False),
    *(
        _switch(f"attribute/learn_{side}", 0.0, f"learn the style of the {side} from what is heard", kept=False)
        for side in ("source", "target")
    ),
    *(_trigger(f"attribute/reset_{side}", f"forget the learned style of the {side}") for side in ("source", "target")),
    _macro("calibration/listen", "i", 0.0, "1: learn the ranges of the latents from the input; 0: use and keep them"),
    _read("calibration/state", "if", "", "listening (0 or 1), seconds so far"),
    _trigger("panic", "modulation off, unfreeze, identity, caches cleared"),
    _hidden("glide/time", "seconds of the last glide"),
    _hidden("glide/count", "glides so far"),
    _hidden("z/frame/<n>", "the newest latent frame from outside", 3.0, 10.0),
    _hidden("z/count", "latent frames from outside so far"),
    _hidden("source/slot", "0 off, 1 the second input, from 2 a clip"),
    _read("z/out", "f", "latent", "the newest latent frame after processing", per_latent=True),
    _read("model/list", "s", "", "names of the models that can be loaded", several=True),
    _read("model/name", "s", "", "name of the model"),
    _read("model/dims", "i", "", "number of latent dimensions"),
    _read("model/sample_rate", "i", "Hz", "sample rate of the model"),
    _read("model/ratio", "i", "samples", "samples per latent frame"),
    _read("model/encoder", "s", "", "kind of encoder"),
    _read("model/delay", "i", "samples", "what a listener hears the model late by (its acoustic delay)"),
    _action("model/load", "s", "play another model, by its registered name; answered by /rtrave/done or /rtrave/error"),
    _float("model/fade", 100.0, 0.0, 2000.0, "ms", "crossfade when another model is loaded"),
    _action("record/start", "s", "start a take; a tag of letters, digits, _ and -", optional=1),
    _action("record/stop", "", "end the take"),
    _action("record/mark", "s", "put a mark into the take", optional=1),
    _read("record/state", "isf", "", "recording (0 or 1), folder name, seconds"),
    _read("status", "iffi", "", "late blocks, load, latency in ms, uptime in s"),
    _read("meter", "ffff", "dB", "input peak, input rms, output peak, output rms"),
    _read("version", "s", "", "version of rtrave"),
    _action(
        "hello",
        "ii",
        "ask for feedback for 10 s: reply port, mask (1 status, 2 meter, 4 controls, 8 latents)",
        optional=2,
    ),
    _action("bye", "", "end the feedback"),
    _action(
        "subscribe", "sf", "hear the values that a pattern matches, at most so often a second (up to 60)", optional=1
    ),
    _action("unsubscribe", "s", "end a subscription"),
    _action("ping", "", "answered by /rtrave/pong"),
    _action("sync", "i", "answered by /rtrave/synced once everything before it is done"),
    _action("doc", "s", "answered by /rtrave/doc: address, types, low, high, unit, description"),
    _reply("pong", "", "answer to /rtrave/ping"),
    _reply("synced", "i", "answer to /rtrave/sync"),
    _reply("done", "ss", "something that takes its time is done: address, what"),
    _reply("error", "ssis", "address, code, argument, text"),
)


def resolve(parameter: Parameter, dims: int) -> Parameter:
    """A row of the table for a model with so many latent dimensions: `dims` reaches from 1 to all of them."""
    if parameter.address != DIMS:
        return parameter
    low, high = float(min(dims, 1)), float(dims)
    return replace(parameter, default=high, low=low, high=high, hard_low=low, hard_high=high)
