"""A session of Open Stage Control (https://openstagecontrol.ammd.net), version 1.29."""

from __future__ import annotations

import json
from typing import TypedDict

from rtrave.control.namespace import Controls
from rtrave.surfaces.layout import Item, ItemKind, banks, main_items

COLUMN, ROW, LABEL, SWITCH = 70, 190, 24, 40
PER_ROW = 12  # of the main tab


class Range(TypedDict):
    """The range of a fader."""

    min: float
    max: float


class Widget(TypedDict, total=False):
    """The properties of a widget that rtrave writes, by the names of Open Stage Control."""

    type: str
    id: str
    label: str
    address: str
    target: str
    typeTags: str
    left: int
    top: int
    width: int
    height: int
    default: float | str
    interaction: bool
    bypass: bool
    range: Range
    origin: float
    decimals: int
    doubleTap: bool
    mode: str
    on: int
    off: int
    widgets: list[Widget]
    tabs: list[Widget]


def session(controls: Controls, target: str = "127.0.0.1:9000") -> str:
    """Return the text of a session file.

    Parameters
    ----------
    controls : Controls
    target : str
        HOST:PORT of rtrave. Every widget names it, since Open Stage Control does not inherit targets.
    """
    tabs = [_tab("main", _flow(main_items(controls), target))]
    for name, columns in banks(controls):
        widgets: list[Widget] = []
        for k, items in enumerate(columns):
            widgets += _column(items, 10 + k * COLUMN, target)
        tabs.append(_tab(name, widgets))
    content: Widget = {"type": "root", "id": "root", "tabs": tabs}
    record = {"createdWith": "Open Stage Control", "version": "1.29.2", "type": "session", "content": content}
    return json.dumps(record, indent=1) + "\n"


def _tab(name: str, widgets: list[Widget]) -> Widget:
    return {"type": "tab", "id": name, "label": name, "widgets": widgets}


def _flow(items: list[Item], target: str) -> list[Widget]:
    widgets: list[Widget] = []
    faders = [i for i in items if i.kind is ItemKind.FADER]
    for k, shown in enumerate(faders):
        row, column = divmod(k, PER_ROW)
        widgets += _fader(shown, 10 + column * (COLUMN + 20), 10 + row * (ROW + LABEL), target)
    top = 20 + (1 + (len(faders) - 1) // PER_ROW) * (ROW + LABEL)
    for k, shown in enumerate(i for i in items if i.kind is not ItemKind.FADER):
        widgets.append(_button(shown, 10 + k * (COLUMN + 50), top, COLUMN + 40, target))
    return widgets


def _column(items: list[Item], left: int, target: str) -> list[Widget]:
    widgets: list[Widget] = []
    top = 10
    for shown in items:
        if shown.kind is ItemKind.FADER:
            widgets += _fader(shown, left, top, target)
            top += ROW + LABEL
        else:
            widgets.append(_button(shown, left, top, COLUMN - 6, target))
            top += SWITCH + 4
    return widgets


def _fader(shown: Item, left: int, top: int, target: str) -> list[Widget]:
    label: Widget = {
        "type": "text",
        "id": f"label {shown.address}",
        "default": shown.label,
        "top": top,
        "height": LABEL,
        "left": left,
        "width": COLUMN - 6,
        "interaction": False,
        "bypass": True,
    }
    return [
        label,
        {
            "type": "fader",
            "id": shown.address,
            "address": shown.address,
            "target": target,
            "typeTags": "i" if shown.whole else "f",
            "top": top + LABEL,
            "height": ROW - 10,
            "left": left,
            "width": COLUMN - 6,
            "range": {"min": shown.low, "max": shown.high},
            "origin": min(max(shown.default, shown.low), shown.high),
            "default": shown.default,
            "decimals": 0 if shown.whole else 3,
            "doubleTap": True,
        },
    ]


def _button(shown: Item, left: int, top: int, width: int, target: str) -> Widget:
    return {
        "type": "button",
        "id": shown.address,
        "address": shown.address,
        "target": target,
        "typeTags": "i",
        "label": shown.label,
        "left": left,
        "top": top,
        "width": width,
        "height": SWITCH,
        "mode": "toggle" if shown.kind is ItemKind.SWITCH else "push",
        "on": 1,
        "off": 0,
    }
