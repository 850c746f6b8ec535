"""A session of Open Stage Control (https://openstagecontrol.ammd.net), version 1.29."""

from __future__ import annotations

import json
from typing import Any

from rtrave.control.namespace import Controls
from rtrave.surfaces.layout import Item, banks, main_items

COLUMN, ROW, LABEL, SWITCH = 70, 190, 24, 40
PER_ROW = 12  # of the main tab


def session(controls: Controls, target: str = "127.0.0.1:9000") -> str:
    """The session as its file holds it; every widget names its target, which is not inherited."""
    tabs = [_tab("main", _flow(main_items(controls), target))]
    for name, columns in banks(controls):
        widgets: list[dict[str, Any]] = []
        for k, items in enumerate(columns):
            widgets += _column(items, 10 + k * COLUMN, target)
        tabs.append(_tab(name, widgets))
    content = {"type": "root", "id": "root", "tabs": tabs}
    record = {"createdWith": "Open Stage Control", "version": "1.29.2", "type": "session", "content": content}
    return json.dumps(record, indent=1) + "\n"


def _tab(name: str, widgets: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "tab", "id": name, "label": name, "widgets": widgets}


def _flow(items: list[Item], target: str) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = []
    faders = [i for i in items if i.kind == "fader"]
    for k, shown in enumerate(faders):
        row, column = divmod(k, PER_ROW)
        widgets += _fader(shown, 10 + column * (COLUMN + 20), 10 + row * (ROW + LABEL), target)
    top = 20 + (1 + (len(faders) - 1) // PER_ROW) * (ROW + LABEL)
    for k, shown in enumerate(i for i in items if i.kind != "fader"):
        widgets.append(_button(shown, 10 + k * (COLUMN + 50), top, COLUMN + 40, target))
    return widgets


def _column(items: list[Item], left: int, target: str) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = []
    top = 10
    for shown in items:
        if shown.kind == "fader":
            widgets += _fader(shown, left, top, target)
            top += ROW + LABEL
        else:
            widgets.append(_button(shown, left, top, COLUMN - 6, target))
            top += SWITCH + 4
    return widgets


def _fader(shown: Item, left: int, top: int, target: str) -> list[dict[str, Any]]:
    place = {"left": left, "width": COLUMN - 6}
    label = {
        "type": "text",
        "id": f"label {shown.address}",
        "default": shown.label,
        "top": top,
        "height": LABEL,
        **place,
    }
    return [
        label | {"interaction": False, "bypass": True},
        {
            "type": "fader",
            "id": shown.address,
            "address": shown.address,
            "target": target,
            "typeTags": "i" if shown.whole else "f",
            "top": top + LABEL,
            "height": ROW - 10,
            **place,
            "range": {"min": shown.low, "max": shown.high},
            "origin": min(max(shown.default, shown.low), shown.high),
            "default": shown.default,
            "decimals": 0 if shown.whole else 3,
            "doubleTap": True,
        },
    ]


def _button(shown: Item, left: int, top: int, width: int, target: str) -> dict[str, Any]:
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
        "mode": "toggle" if shown.kind == "switch" else "push",
        "on": 1,
        "off": 0,
    }
