"""The record of one address: its type, range, kind and access. `rtrave.control.table` lists all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

ROOT = "/rtrave/"
NORM = "/rtrave/norm/"
PANIC = "/rtrave/panic"
RESET = "/rtrave/latents/reset"
DIMS = "/rtrave/dims"
FIDELITY = "/rtrave/fidelity"
SECOND_INPUT, FIRST_CLIP = 1, 2  # values of source/slot; 0 is off, higher numbers are further clips
MAX_SEED = 2**31 - 1  # the largest integer of OSC type i

Value = float | int | str


class ParameterKind(StrEnum):
    """The role of an address.

    CONTROL has a slot in the control vector; without a type it is a trigger, whose slot counts how often it fired.
    VECTOR addresses all latent dimensions of a control at once. MACRO is a value beside the vector that moves
    controls. HIDDEN is a slot of the vector that no message addresses. ACTION does something once. READ is a value
    that the program reports. REPLY is an address that only the program sends.
    """

    CONTROL = "control"
    VECTOR = "vector"
    MACRO = "macro"
    HIDDEN = "hidden"
    ACTION = "action"
    READ = "read"
    REPLY = "reply"


class Access(StrEnum):
    """Access of clients to an address."""

    READ = "r"
    WRITE = "w"
    READ_WRITE = "rw"


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
        Default value and soft range (what a fader shows). For a choice they are indices of its words.
    hard_low, hard_high : float
        Limits: a float is clipped there, an integer beyond them is refused.
    unit : str
        "dB", "latent" and so on; "" for a plain number.
    access : Access
    choices : tuple of str
        The words that an "s" control takes; its value in the vector is the index.
    description : str
        One line for users.
    kind : ParameterKind
    optional : int
        How many of the last arguments of an action may be omitted.
    per_latent : bool
        The value has one number per latent dimension.
    several : bool
        The value has any number of words.
    persisted : bool
        Part of a snapshot, and of the state that the next run starts with.
    """

    address: str
    type: str
    default: float = 0.0
    low: float = 0.0
    high: float = 1.0
    hard_low: float = 0.0
    hard_high: float = 1.0
    unit: str = ""
    access: Access = Access.READ_WRITE
    choices: tuple[str, ...] = ()
    description: str = ""
    kind: ParameterKind = ParameterKind.CONTROL
    optional: int = 0
    per_latent: bool = False
    several: bool = False
    persisted: bool = False


def resolve(parameter: Parameter, dims: int) -> Parameter:
    """Return a row of the table for a model with `dims` latent dimensions: the control `dims` ranges from 1 to all."""
    if parameter.address != DIMS:
        return parameter
    low, high = float(min(dims, 1)), float(dims)
    return replace(parameter, default=high, low=low, high=high, hard_low=low, hard_high=high)
