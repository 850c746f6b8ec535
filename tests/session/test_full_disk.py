"""A disk that takes no more ends the take with one line, and what was written before stays readable."""

import subprocess
import sys
from pathlib import Path

import pytest

from rtrave.session.reader import open_session, read_audio, read_latents

ROOT = Path(__file__).parents[2]
# A limit on the size of files refuses writes as a full disk does.
WRITE = """
import resource, signal, sys
from pathlib import Path
from tests.session.takes import audio_rows, hop_rows, open_writer
from rtrave.errors import RtraveError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_001, 50_001))
writer = open_writer(Path(sys.argv[1]))
write = {
    "audio": lambda n: writer.write_audio(audio_rows(1001)),
    "hops": lambda n: writer.write_hops(hop_rows([2 * n])[0]),
    "mark": lambda n: writer.event("mark", n, text="x" * 100),
}
for number in range(10_000):
    try:
        write[sys.argv[2]](number)
    except RtraveError as error:
        first = str(error)
        print(first)
        break
for again in write.values():
    try:
        again(0)
    except RtraveError as error:
        assert str(error) == first
    else:
        raise SystemExit("written after the end")
writer.close()
"""


@pytest.mark.parametrize(
    ("what", "file"), [("audio", "input.wav"), ("hops", "latents_in.f32"), ("mark", "events.jsonl")]
)
def test_full_disk(tmp_path, what, file):
    command = [sys.executable, "-c", WRITE, str(tmp_path / "take"), what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.startswith("cannot write") and file in done.stdout
    session = open_session(tmp_path / "take")
    if what == "audio":
        assert read_audio(session, "input").shape[1] >= 6 * 1001
    if what == "hops":
        assert len(read_latents(session, "in")) == 50_001 // 20
