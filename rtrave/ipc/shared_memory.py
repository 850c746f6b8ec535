"""Shared memory between the control process and the audio process: one memory-mapped file.

Single-writer rules. Every word in the file has one writer:

======================  =====================================  ==========================================
section                 written by                             read by
======================  =====================================  ==========================================
control block           control process (one thread)           audio process, once per hop
audio ring              audio process, the thread of the hop   control process, the recorder
hops ring               audio process, the thread of the hop   control process, the recorder
controls ring           audio process, the thread of the hop   control process, the recorder
status block            audio process                          control process
======================  =====================================  ==========================================

The reader of a ring writes only that ring's tail, the writer only its head. Nothing here ever waits.
The file belongs to the control process; it outlives an audio process that is killed and started again,
and the counters go on from where they were.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError
from rtrave.ipc.control_block import ControlBlock
from rtrave.ipc.memory import LINE, Floats
from rtrave.ipc.ring import Ring
from rtrave.ipc.status import STATUS_FIELDS, Status
from rtrave.settings import HOP_FIELDS

try:
    import fcntl
except ImportError:  # Windows: what is left lies in the folder for temporary files, not in memory
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = "rtrave-", ".shared"
SETTLED_S = 60  # a file younger than this may not be claimed yet
LEAST_HOPS = 8192  # another model with shorter hops may be loaded into the same memory
_MAGIC = 0x72747261_76650003  # "rtrave", version 3 of the order of this file


@dataclass(frozen=True)
class SharedSpec:
    """Sizes of the shared memory. `dataclasses.asdict` gives its JSON form, `SharedSpec(**d)` reads it.

    Parameters
    ----------
    channels : int
        Audio channels of the model.
    dims : int
        Latent dimensions.
    latent_frames : int
        Latent frames per hop.
    controls : int
        Length of the control vector (`Layout.size`).
    audio_rows, hops_rows, controls_rows : int
        Capacity of the rings, in rows. The defaults hold at least 20 s where a hop has 2048 samples.
    second : int
        Further input channels, of the second source.
    """

    channels: int
    dims: int
    latent_frames: int
    controls: int
    audio_rows: int = 1 << 20
    hops_rows: int = 2048
    controls_rows: int = 1024
    second: int = 0

    @property
    def audio_width(self) -> int:
        """Numbers in one row of the audio ring: model input, second input, model output."""
        return 2 * self.channels + self.second

    @property
    def hop_width(self) -> int:
        """Numbers in one row of the hops ring: `HOP_FIELDS`, then z_in [D, N] and z_out [D, N] row by row."""
        return len(HOP_FIELDS) + 2 * self.dims * self.latent_frames


def spec_for(channels: int, dims: int, latent_frames: int, controls: int, hop: int, second: int = 0) -> SharedSpec:
    """Sizes whose rings all hold at least 20 s, also of a model with short hops (in samples)."""
    spec = SharedSpec(channels, dims, latent_frames, controls, second=second)
    hops = spec.audio_rows // hop
    hops_rows = max(spec.hops_rows, hops, LEAST_HOPS)
    return replace(spec, hops_rows=hops_rows, controls_rows=max(spec.controls_rows, hops))


@dataclass(frozen=True)
class Shared:
    """The mapped memory, by section. Rows of the rings:

    audio : float32 [audio_width], one row per sample: model input channels, those of the second input where there is
        one, then model output channels.
    hops : float64 [hop_width], one row per hop: `HOP_FIELDS`, z_in [D * N], z_out [D * N].
    controls_log : float64 [2 + controls]: latent frame, sequence, the vector; one row for each hop on which a
        newly read vector was first applied.
    """

    path: Path
    spec: SharedSpec
    claim: int | None  # descriptor that says the file is in use; of the control process
    controls: ControlBlock
    audio: Ring
    hops: Ring
    controls_log: Ring
    status: Status

    def unlink(self) -> None:
        """Remove the file; those who have it mapped keep it until they end. Control process, once."""
        if self.claim is not None:
            os.close(self.claim)
        self.path.unlink(missing_ok=True)


def _sections(spec: SharedSpec) -> dict[str, tuple[int, int]]:
    """Name -> (offset, bytes); every section begins on a cache line."""
    sizes = {
        "header": 8 * (1 + len(fields(SharedSpec))),
        "status": 8 * len(STATUS_FIELDS),
        "controls": ControlBlock.nbytes(spec.controls),
        "audio": 2 * LINE + 4 * spec.audio_width * spec.audio_rows,
        "hops": 2 * LINE + 8 * spec.hop_width * spec.hops_rows,
        "controls_log": 2 * LINE + 8 * (2 + spec.controls) * spec.controls_rows,
    }
    placed, offset = {}, 0
    for name, size in sizes.items():
        placed[name] = (offset, size)
        offset += -(-size // LINE) * LINE
    placed["end"] = (offset, 0)
    return placed


def _ring(buffer: NDArray[np.uint8], dtype: Any, width: int, dropped: Floats) -> Ring:
    rows = buffer[2 * LINE :].view(dtype).reshape(-1, width)
    return Ring(buffer[: 2 * LINE].view(np.int64), rows, dropped)


def _map(path: Path, spec: SharedSpec, claim: int | None) -> Shared:
    sections = _sections(spec)
    expected = sections["end"][0]
    try:
        with open(path, "r+b") as file:
            found = os.fstat(file.fileno()).st_size
            if found != expected:
                raise RtraveError(f"shared memory '{path}' has {found} bytes, expected {expected}: start again")
            memory = mmap.mmap(file.fileno(), expected)
    except OSError as error:
        raise RtraveError(f"cannot open the shared memory '{path}': {error.strerror}") from error
    whole = np.frombuffer(memory, np.uint8)
    # Every page is mapped now, not at its first use in the callback. Adding zero writes without a change.
    whole[:: mmap.PAGESIZE].sum()
    part = {name: whole[at : at + size] for name, (at, size) in sections.items()}
    status = Status(part["status"].view(np.float64))
    return Shared(
        path=path,
        spec=spec,
        claim=claim,
        controls=ControlBlock(part["controls"].view(np.float64), spec.controls),
        audio=_ring(part["audio"], np.float32, spec.audio_width, status.slot("audio_dropped")),
        hops=_ring(part["hops"], np.float64, spec.hop_width, status.slot("hops_dropped")),
        controls_log=_ring(part["controls_log"], np.float64, 2 + spec.controls, status.slot("controls_dropped")),
        status=status,
    )


def section(shared: Shared) -> dict[str, Any]:
    """What the audio process is told of it, in JSON's types: see `rtrave.audio.opening.Config`."""
    return {"path": str(shared.path), "spec": asdict(shared.spec)}


def create(spec: SharedSpec) -> Shared:
    """Make the file, readable by this user only, and map it. Control process.

    Raises
    ------
    RtraveError
        Where there is no room for it.
    """
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    _sweep(Path(folder))
    size = _sections(spec)["end"][0]
    try:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=folder)
    except OSError as error:
        raise RtraveError(f"cannot make the shared memory in '{folder}': {error.strerror}") from error
    try:
        # RunMemory is taken now: a full file system must be an error here, not a bus error in the callback.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.truncate(name, size)
        header = np.array([_MAGIC, *asdict(spec).values()], np.int64)
        os.write(descriptor, header.tobytes())
        _claim(descriptor)
    except OSError as error:
        os.close(descriptor)
        os.unlink(name)
        needed = f"{size / 2**20:.0f} MiB of shared memory"
        raise RtraveError(f"no room for {needed} in '{folder}': {error.strerror}") from error
    return _map(Path(name), spec, descriptor)


def _claim(descriptor: int) -> None:
    """Hold the file until the descriptor is closed or the process has ended, however it ends; OSError where another
    holds it."""
    if fcntl:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep(folder: Path) -> None:
    """Remove what control processes that were killed have left: each is megabytes of memory."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}") if fcntl else ():
        with contextlib.suppress(OSError), path.open("rb") as file:  # another user's, in use, or gone already
            if time.time() - os.fstat(file.fileno()).st_mtime > SETTLED_S:
                _claim(file.fileno())
                path.unlink()


def attach(path: Path, spec: SharedSpec) -> Shared:
    """Map the file that `create` made with the same sizes. Audio process.

    Raises
    ------
    RtraveError
        Where it is missing or was made for other sizes.
    """
    expected = np.array([_MAGIC, *asdict(spec).values()], np.int64)
    try:
        with open(path, "rb") as file:
            header = file.read(expected.nbytes)
    except OSError as error:
        raise RtraveError(f"cannot open the shared memory '{path}': {error.strerror}") from error
    if header != expected.tobytes():
        raise RtraveError(f"shared memory '{path}' was made for other sizes than {asdict(spec)}: start again")
    return _map(Path(path), spec, None)
