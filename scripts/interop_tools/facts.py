"""Describe the content of TorchScript exports: python facts.py CASES_FOLDER [--only TEXT]. Needs torch only.

Writes tree.txt into each case: every submodule with its class, attributes, parameters and buffers.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

# Attributes of torch itself, or equal in every layer.
UNINTERESTING = {"training", "_is_full_backward_hook", "_reversed_padding_repeated_twice", "padding_mode", "inplace"}


def declared(script: Path) -> dict[str, list[str]]:
    """Map qualified class names to the names that they declare, from the archive's source code."""
    classes: dict[str, list[str]] = {}
    with zipfile.ZipFile(script) as archive:
        for name in archive.namelist():
            if "/code/" not in name or not name.endswith(".py"):
                continue
            module = name.split("/code/")[1][:-3].replace("/", ".")
            current: list[str] = []
            for line in archive.read(name).decode().splitlines():
                if match := re.match(r"class (\w+)\(", line):
                    current = classes.setdefault(f"{module}.{match[1]}", [])
                elif match := re.match(r"  (\w+) : ", line):
                    current.append(match[1])
    return classes


def _value(module: Any, name: str) -> str | None:
    try:
        value = getattr(module, name)
    except (AttributeError, RuntimeError):
        return None
    if isinstance(value, torch.nn.Module):
        return None
    if isinstance(value, torch.Tensor):
        small = 0 < value.numel() <= 4
        return f"{list(value.shape)} {str(value.dtype).removeprefix('torch.')}" + (
            f" = {value.tolist()}" if small else ""
        )
    if isinstance(value, list) and len(value) > 6:
        return f"{len(value)} x {value[0]!r} ..."
    return repr(value)


def tree(script: Path) -> list[str]:
    """Format one line per submodule: path, class, then attributes, parameters and buffers as name=value."""
    classes = declared(script)
    model = torch.jit.load(str(script), map_location="cpu")
    lines = []
    for path, module in model.named_modules():
        names = classes.get(module._c._type().qualified_name(), [])
        values = {name: _value(module, name) for name in names if name not in UNINTERESTING}
        shown = "  ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        lines.append(f"{path or '(root)'}: {module.original_name}  {shown}")
        if not path:
            lines.append(f"  methods: {sorted(name for name in module._c._method_names())}")
    return lines


def main() -> None:
    """Write tree.txt next to every model.ts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scripts = [path for path in sorted(options.folder.glob("*/model.ts")) if options.only in path.parent.name]
    for number, script in enumerate(scripts, 1):
        (script.parent / "tree.txt").write_text("\n".join(tree(script)) + "\n")
        print(f"\r{number}/{len(scripts)} {script.parent.name:60}", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
