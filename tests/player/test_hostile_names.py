"""Two hundred hostile names: none of them creates, reads or moves a file outside the folders of rtrave."""

import random
import time

from tests.player.running import Surface, live_run

WORDS = [
    "..",
    "/",
    "\\",
    "etc",
    "passwd",
    "~",
    "$HOME",
    "%2e%2e",
    "\0",
    "\n",
    "C:",
    "con",
    "|",
    ";",
    "`id`",
    ".",
    " ",
    "é",
]
PLACES = ["/rtrave/snapshot/store", "/rtrave/snapshot/recall", "/rtrave/source/b", "/rtrave/record/start"]
PLACES += ["/rtrave/morph/a", "/rtrave/subscribe", "/rtrave/doc"]


def hostile(count):
    rng = random.Random(5)
    fixed = [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\x",
        "file:///etc/passwd",
        "x" * 1000,
        "",
        ".",
        "..",
        "a/../../b",
    ]
    made = ["".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 9))) for _ in range(count - len(fixed))]
    return [name.replace("\0", "") for name in fixed + made]


def tree(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_no_file_outside_its_folder(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "clips").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.wav").write_bytes(b"RIFF")
    before = tree(outside)
    state = inside / "state" / "x.json"
    with live_run(inside / "takes", clips_dir=inside / "clips", state=state, record=False) as run:
        surface = Surface(run.osc_port)
        for name in [*hostile(196), "../outside/secret", "../../outside/secret", str(outside / "secret"), "secret"]:
            for place in PLACES:
                surface.send(place, "s", name)
            surface.send("/rtrave/record/stop")
            time.sleep(0.002)
        surface.send("/rtrave/snapshot/store", "s", "../../outside/x")  # a name like any other, never a path
        counts = run.osc.counts
        limit_s = time.monotonic() + 10
        while counts.packets < 200 * 8 + 1 and time.monotonic() < limit_s:
            time.sleep(0.05)
        assert counts.faults == 0 and counts.received == 200 * 8 + 1
        assert counts.refused["bad-name"] > 200
        surface.socket.close()
    assert tree(outside) == before
    found = tree(tmp_path)
    allowed = ("inside/clips", "inside/state", "inside/takes", "outside")
    assert all(str(path) == "inside" or str(path).startswith(allowed) for path in found)
    assert "../../outside/x" in state.read_text()
