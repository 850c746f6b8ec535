"""The server accepts every OSC message that the documentation shows, and every address named there exists."""

import re
import shlex
from pathlib import Path

import pytest

from rtrave.control.parameter import ParameterKind
from rtrave.control.table import TABLE
from tests.osc.rig import Rig, message

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Actions of the player, which has no part in this test.
ELSEWHERE = ("/rtrave/record/start", "/rtrave/record/stop", "/rtrave/record/mark", "/rtrave/model/load")
READ = {"f": float, "i": int, "s": str}


def examples():
    for page in PAGES:
        for line in re.findall(r"(?m)^oscsend localhost 9000 (/rtrave.*|'/rtrave.*)$", page.read_text()):
            words = shlex.split(line, comments=True)
            yield pytest.param(words, id=" ".join(words))


@pytest.fixture
def rig():
    made = Rig(
        dims=16,
        shares=(1.0,) * 16,
        choose_source=lambda name: 2,
        actions=dict.fromkeys(ELSEWHERE, lambda *_: None),
        readers={"/rtrave/latent/<n>/out": lambda: (0.0,) * 16, "/rtrave/model/name": lambda: ("x",)},
    )
    for name in ("verse", "chorus", "still", "noisy"):
        made.instrument.store(name)
    for end, name in (("a", "verse"), ("b", "chorus")):
        made.controls.set(f"/rtrave/morph/{end}", (name,))
    yield made
    made.close()


@pytest.mark.parametrize("words", list(examples()))
def test_it_is_accepted(rig, words):
    peer = rig.peer()
    peer.send(message("/rtrave/hello"))
    address, types, arguments = words[0], words[1] if len(words) > 1 else "", words[2:]
    sent = [READ[letter](argument) for letter, argument in zip(types, arguments, strict=True)]
    peer.send(message(address, types, *sent))
    assert rig.server.counts.refused.total() == 0, rig.server.counts.refused


def test_there_are_examples():
    assert len(list(examples())) > 20


def test_every_address_named_exists():
    known = {p.address for p in TABLE if p.kind is not ParameterKind.HIDDEN}
    folders = {a.rsplit("/", k)[0] for a in known for k in (1, 2, 3)}
    for page in PAGES:
        for named in re.findall(r"`(/rtrave/[a-z_/<>n]+)", page.read_text()):
            address = named.replace("/norm/", "/").rstrip("/")
            assert address in known | folders, (page.name, named)
