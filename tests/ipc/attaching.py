"""Shared memory for a second process of a test, named on its command line."""

from pathlib import Path

from rtrave.ipc.shared_memory import Shared, attach
from rtrave.ipc.shared_spec import SharedSection, SharedSpec


def arguments_of(shared: Shared) -> list[str]:
    """Arguments from which `attach_by_arguments` finds the memory."""
    return [str(shared.path), *map(str, vars(shared.spec).values())]


def attach_by_arguments(path: str, *sizes: str) -> Shared:
    """Map the memory that `arguments_of` names."""
    return attach(SharedSection(Path(path), SharedSpec(*map(int, sizes))))
