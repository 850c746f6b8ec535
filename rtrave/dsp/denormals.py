"""Numbers too small to be normal slow a processor down a hundredfold: each thread that computes flushes them to zero.

NumPy has no switch for it, so the thread's floating-point environment is changed through the C library
(`fegetenv`, `fesetenv`; C11 7.6.4). ONNX Runtime has one of its own, which is set in `rtrave.backends.onnx`.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable

# Machine -> (bytes of fenv_t as 32-bit words, which word holds the control register, its bits that flush).
# x86-64: MXCSR stands behind the x87 environment of 28 bytes; bit 15 flushes results, bit 6 inputs.
# ARM: FPCR comes first; bit 24 flushes both.
_ENVIRONMENTS = {
    "x86_64": (8, 7, (1 << 15) | (1 << 6)),
    "amd64": (8, 7, (1 << 15) | (1 << 6)),
    "aarch64": (2, 0, 1 << 24),
}


def make_flush() -> Callable[[], bool]:
    """A function that lets the calling thread flush denormals from now on; False where the system has no way to.

    Made once, outside the callback; to be called by each thread at its beginning.
    """
    layout = _ENVIRONMENTS.get(platform.machine().lower())
    if layout is None or sys.platform != "linux":
        return lambda: False
    words, at, bits = layout
    library = ctypes.CDLL(None)
    try:
        get, put = library.fegetenv, library.fesetenv
    except AttributeError:
        try:
            library = ctypes.CDLL("libm.so.6")
            get, put = library.fegetenv, library.fesetenv
        except (OSError, AttributeError):
            return lambda: False
    environment = (ctypes.c_uint32 * (words + 8))()  # room for a longer one

    def flush() -> bool:
        get(environment)
        environment[at] |= bits
        put(environment)
        return True

    return flush
