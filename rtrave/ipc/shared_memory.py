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
The file belongs to the control process. It outlives an audio process that is killed and started again, and the
counters go on from where they were.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError
from rtrave.ipc.control_block import ControlBlock
from rtrave.ipc.memory import LINE, Floats, Rows
from rtrave.ipc.ring import Ring
from rtrave.ipc.shared_spec import SharedSection, SharedSpec
from rtrave.ipc.status import STATUS_FIELDS, Status

try:
    import fcntl
except ImportError:  # Windows: a file that is left behind lies in the folder for temporary files, not in memory
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = "rtrave-", ".shared"
SETTLED_S = 60  # a file younger than this may not be claimed yet
_MAGIC = 0x72747261_76650004  # "rtrave", version 4 of the order of this file


@dataclass(frozen=True)
class Shared:
    """The mapped memory, by section.

    Attributes
    ----------
    path : Path
    spec : SharedSpec
    claim : int or None
        Descriptor that marks the file as in use; None in the audio process.
    controls : ControlBlock
    audio : Ring
        float32 [audio_width], one row per sample: model input channels, channels of the second input where there is
        one, model output channels.
    hops : Ring
        Records of `hop_dtype`, one per hop.
    controls_log : Ring
        float64 [2 + controls]: latent frame, sequence, the vector; one row for each hop on which a newly read vector
        was first applied.
    status : Status
    """

    path: Path
    spec: SharedSpec
    claim: int | None
    controls: ControlBlock
    audio: Ring
    hops: Ring
    controls_log: Ring
    status: Status

    @property
    def section(self) -> SharedSection:
        """File and sizes, as a message carries them."""
        return SharedSection(self.path, self.spec)

    def unlink(self) -> None:
        """Remove the file; processes that have it mapped keep it until they end. Control process, once."""
        if self.claim is not None:
            os.close(self.claim)
        self.path.unlink(missing_ok=True)


def _sections(spec: SharedSpec) -> dict[str, tuple[int, int]]:
    """Lay out the file: name to (offset, bytes). Every section begins on a cache line."""
    sizes = {
        "header": 8 * (1 + len(fields(SharedSpec))),
        "status": 8 * len(STATUS_FIELDS),
        "controls": ControlBlock.nbytes(spec.controls),
        "audio": 2 * LINE + 4 * spec.audio_width * spec.audio_rows,
        "hops": 2 * LINE + spec.hop_dtype.itemsize * spec.hops_rows,
        "controls_log": 2 * LINE + 8 * (2 + spec.controls) * spec.controls_rows,
    }
    placed, offset = {}, 0
    for name, size in sizes.items():
        placed[name] = (offset, size)
        offset += -(-size // LINE) * LINE
    placed["end"] = (offset, 0)
    return placed


def _ring(buffer: NDArray[np.uint8], rows: Rows, dropped: Floats) -> Ring:
    return Ring(buffer[: 2 * LINE].view(np.int64), rows, dropped)


def _map(path: Path, spec: SharedSpec, claim: int | None) -> Shared:
    sections = _sections(spec)
    expected = sections["end"][0]
    try:
        with open(path, "r+b") as file:
            found = os.fstat(file.fileno()).st_size
            if found != expected:
                raise RtraveError(f"shared memory '{path}': expected {expected} bytes, got {found}: start again")
            memory = mmap.mmap(file.fileno(), expected)
    except OSError as error:
        raise RtraveError(f"cannot open the shared memory '{path}': {error.strerror}") from error
    whole = np.frombuffer(memory, np.uint8)
    # Touch every page now, so that none is mapped at its first use in the callback.
    whole[:: mmap.PAGESIZE].sum()
    part = {name: whole[at : at + size] for name, (at, size) in sections.items()}
    status = Status(part["status"].view(np.float64))
    rows = {name: part[name][2 * LINE :] for name in ("audio", "hops", "controls_log")}
    return Shared(
        path=path,
        spec=spec,
        claim=claim,
        controls=ControlBlock(part["controls"].view(np.float64), spec.controls),
        audio=_ring(
            part["audio"], rows["audio"].view(np.float32).reshape(-1, spec.audio_width), status.slot("audio_dropped")
        ),
        hops=_ring(part["hops"], rows["hops"].view(spec.hop_dtype), status.slot("hops_dropped")),
        controls_log=_ring(
            part["controls_log"],
            rows["controls_log"].view(np.float64).reshape(-1, 2 + spec.controls),
            status.slot("controls_dropped"),
        ),
        status=status,
    )


def create(spec: SharedSpec) -> Shared:
    """Create the file, readable by this user only, and map it. Control process.

    Raises
    ------
    RtraveError
        The file system has no space for it.
    """
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    _sweep(Path(folder))
    size = _sections(spec)["end"][0]
    try:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=folder)
    except OSError as error:
        raise RtraveError(f"cannot create the shared memory in '{folder}': {error.strerror}") from error
    try:
        # The space is taken now: a full file system must be an error here, not a bus error in the callback.
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
        raise RtraveError(f"expected {needed} in '{folder}', got {error.strerror}: free some memory") from error
    return _map(Path(name), spec, descriptor)


def _claim(descriptor: int) -> None:
    """Lock the file until the descriptor is closed or the process ends, however it ends.

    OSError where another process holds it.
    """
    if fcntl:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep(folder: Path) -> None:
    """Remove the files that killed control processes left behind: each is megabytes of memory."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}") if fcntl else ():
        with contextlib.suppress(OSError), path.open("rb") as file:  # another user's, in use, or gone already
            if time.time() - os.fstat(file.fileno()).st_mtime > SETTLED_S:
                _claim(file.fileno())
                path.unlink()


def attach(section: SharedSection) -> Shared:
    """Map the file that `create` made for the same sizes. Audio process.

    Raises
    ------
    RtraveError
        The file is missing or was created for other sizes.
    """
    path, spec = section.path, section.spec
    expected = np.array([_MAGIC, *asdict(spec).values()], np.int64)
    try:
        with open(path, "rb") as file:
            header = file.read(expected.nbytes)
    except OSError as error:
        raise RtraveError(f"cannot open the shared memory '{path}': {error.strerror}") from error
    if header != expected.tobytes():
        raise RtraveError(f"shared memory '{path}': expected the sizes {asdict(spec)}, got others: start again")
    return _map(path, spec, None)
