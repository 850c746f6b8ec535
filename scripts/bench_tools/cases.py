"""The rows of the benchmark's tables: model, hop, precision and threads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: a full-size model of `scripts/interop` at a hop.

    Attributes
    ----------
    name : str
        Name of the architecture.
    hop : int
        Samples; the peer runs blocks of the same length.
    precision : str
    threads : int
    """

    name: str
    hop: int
    precision: str = "float32"
    threads: int = 1


HOPS = {
    "v2": (2048,),
    "v1": (2048,),
    "v3": (2048,),
    "v2_small": (512, 2048),
    "discrete": (1024, 2048),
    "brave": (128, 2048),
    "raspberry": (2048,),
}
ROWS = [
    *(Row(name, hop, precision) for name, hops in HOPS.items() for hop in hops for precision in ("float32", "int8")),
    Row("v2", 2048, threads=2),
    Row("v2", 2048, "int8", threads=2),
]
# Model -> seconds of sound in its whole-file benchmark.
FILES = {"v2": 60, "v1": 60, "brave": 60}
