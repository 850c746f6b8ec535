"""The worker process: the only one that loads a third-party TorchScript file.

Started as `python -m rtrave.backends.torchscript.worker`.

Each line on stdin is a request, one JSON object, and gets one on stdout: {"ok": true, ...} or {"error": text}. The
first request is {"do": "probe" or "open", ...}; after "open" follow "encode", "decode", "effect" and "reset", with
their arrays in the shared `Block`. The end of stdin means that the player has ended, and ends this process even while
a method hangs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import torch

from rtrave.backends.torchscript.module import Script
from rtrave.backends.torchscript.plan import Block, Plan
from rtrave.errors import RtraveError

WARM_UP_CALLS = 3  # TorchScript optimises a method in its first calls


def read_script(request: Mapping[str, Any]) -> Script:
    """Load the file that a request names; RtraveError where it is not the file that was probed."""
    try:
        data = Path(request["path"]).read_bytes()
    except OSError as error:
        raise RtraveError(f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != request["hash"]:
        raise RtraveError("has changed while it was being opened: start again")
    return Script(data, request["attributes"])


class Player:
    """A loaded file and the arrays it plays in.

    Parameters
    ----------
    request : mapping
        {"path", "hash", "attributes", "plan", "block", "threads"}.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        torch.set_num_threads(request["threads"])
        self.plan = Plan.from_json(request["plan"])
        self.block = Block(Path(request["block"]), self.plan)
        self.script = read_script(request)
        self.actions: dict[str, Callable[[], None]] = {
            "encode": self._encode,
            "decode": self._decode,
            "effect": self._effect,
            "reset": self.script.reset,
        }
        for _ in range(WARM_UP_CALLS):
            for part in ("encode", "decode", "effect"):
                if getattr(self.plan, part):
                    with contextlib.suppress(RtraveError):  # a file may refuse silence; playing then reports it
                        self.actions[part]()
        self.script.reset()

    def _encode(self) -> None:
        assert self.plan.encode
        self.block.z_in[...] = self.script.call(self.plan.encode, self.block.x.copy())

    def _decode(self) -> None:
        assert self.plan.decode
        self.block.y[...] = self.script.call(self.plan.decode, self.block.z_out.copy())

    def _effect(self) -> None:
        assert self.plan.effect
        self.block.y[...] = self.script.call(self.plan.effect, self.block.x.copy())


def _listen(requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)  # a method that hangs must not outlive the player


def answer(request: dict[str, Any], player: Player | None) -> tuple[dict[str, Any], Player | None]:
    """Carry out one request; return the answer, and the player for the next requests."""
    if request["do"] == "probe":
        from rtrave.backends.torchscript.probe import probe

        return probe(read_script(request)), player
    if request["do"] == "open":
        return {}, Player(request)
    assert player is not None, "the first request is probe or open"
    player.actions[request["do"]]()
    return {}, player


def serve(out: TextIO) -> None:
    """Answer requests until stdin ends."""
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    player: Player | None = None
    while True:
        try:
            result, player = answer(requests.get(), player)
            result = {"ok": True, **result}
        except RtraveError as error:
            result = {"error": str(error)}
        out.write(json.dumps(result) + "\n")
        out.flush()


def main() -> None:
    """Run the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the player decides
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a script may print, which must not mix with the answers
    torch.set_num_threads(1)
    serve(out)


if __name__ == "__main__":
    main()
