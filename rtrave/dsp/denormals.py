"""Flushing of denormals, numbers too small to be normal, which slow a processor down a hundredfold.

Every thread that computes flushes them to zero. NumPy has no switch for it, so that the C library changes the thread's
floating-point environment (`fegetenv`, `fesetenv`; C11 7.6.4). `rtrave.backends.onnx` sets ONNX Runtime's own switch.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable

# Machine -> (32-bit words of fenv_t, index of the word with the control register, bits that flush).
# x86-64: MXCSR follows the x87 environment of 28 bytes; bit 15 flushes results, bit 6 inputs.
# ARM: FPCR is the first word; bit 24 flushes both.
_ENVIRONMENTS = {
    "x86_64": (8, 7, (1 << 15) | (1 << 6)),
    "amd64": (8, 7, (1 << 15) | (1 << 6)),
    "aarch64": (2, 0, 1 << 24),
}


def make_flush() -> Callable[[], bool]:
    """Return a function that makes the calling thread flush denormals; it returns False if the system cannot.

    Call `make_flush` once, outside the callback, and the function at the start of each thread.
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
    environment = (ctypes.c_uint32 * (words + 8))()  # spare words for a longer fenv_t

    def flush() -> bool:
        get(environment)
        environment[at] |= bits
        put(environment)
        return True

    return flush
