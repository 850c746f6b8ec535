"""A take that is read equals the take that was written."""

import json

import numpy as np
import pytest

from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.session.reader import (
    control_changes,
    latent_index,
    open_session,
    read_audio,
    read_events,
    read_latents,
)
from tests.session.takes import (
    CHANNELS,
    DIMS,
    LATENT_FRAMES,
    SAMPLE_RATE,
    Clock,
    audio_rows,
    hop_rows,
    open_writer,
)


def control_rows(layout, frames_and_changes):
    """Rows of the controls ring: defaults first, then each change on top of the ones before it."""
    vector = layout.defaults()
    rows = []
    for number, (frame, changes) in enumerate(frames_and_changes):
        layout.apply(vector, changes)
        rows.append(np.concatenate([[frame, number], vector]))
    return np.array(rows)


def test_header(tmp_path):
    open_writer(tmp_path / "take").close()
    session = open_session(tmp_path / "take")
    assert (session.sample_rate, session.channels, session.dims) == (SAMPLE_RATE, CHANNELS, DIMS)
    assert session.latent_frames == LATENT_FRAMES
    assert session.header["model"] == {"name": "tiny", "hash": "0123"}
    assert session.header["seed"] == 7 and session.header["latency_ms"] == 1.5
    assert session.header["controls"] == list(make_layout(DIMS).addresses)


@pytest.mark.parametrize("sizes", [[1], [17, 2047, 0, 1], [2048] * 3, [4097, 5]])
def test_audio(tmp_path, sizes):
    writer = open_writer(tmp_path / "take")
    rows = audio_rows(sum(sizes))
    for part in np.split(rows, np.cumsum(sizes)[:-1]):
        writer.write_audio(part)
    assert writer.samples == sum(sizes)
    writer.close()
    session = open_session(tmp_path / "take")
    np.testing.assert_array_equal(read_audio(session, "input"), rows[:, :CHANNELS].T)
    np.testing.assert_array_equal(read_audio(session, "output"), rows[:, CHANNELS:].T)


def test_latents_are_one_row_a_latent_frame(tmp_path):
    writer = open_writer(tmp_path / "take")
    rows, (z_in, z_out) = hop_rows([40, 42, 44])
    writer.write_hops(rows[:1])
    writer.write_hops(rows[1:1])
    writer.write_hops(rows[1:])
    writer.close()
    session = open_session(tmp_path / "take")
    np.testing.assert_array_equal(read_latents(session, "in"), z_in)
    np.testing.assert_array_equal(read_latents(session, "out"), z_out)
    np.testing.assert_array_equal(latent_index(session), np.arange(40, 46))


def test_missing_hops_are_told_and_rows_keep_their_index(tmp_path):
    writer = open_writer(tmp_path / "take")
    for frames in ([0, 2, 8], [20, 22], [3, 5]):  # the last: an engine that counts from elsewhere
        writer.write_hops(hop_rows(frames)[0])
    writer.event("dropped", 6, what="hops", count=3)  # the ring's own count, which does not say where
    writer.close()
    session = open_session(tmp_path / "take")
    assert latent_index(session).tolist() == [0, 1, 2, 3, 8, 9, 20, 21, 22, 23, 3, 4, 5, 6]
    dropped = [(e["latent_frame"], e["resumes_at"]) for e in read_events(session) if "row" in e]
    assert dropped == [(4, 8), (10, 20), (24, 3)]


def test_control_changes_rebuild_the_vector(tmp_path):
    layout = make_layout(DIMS)
    changes = [
        (12, {}),
        (14, {"/rtrave/latent/3/scale": 2.5, "/rtrave/space": "full"}),
        (14, {}),  # published again, nothing changed
        (18, {"/rtrave/mix": 0.1, "/rtrave/latent/0/mute": 1.0}),
    ]
    rows = control_rows(layout, changes)
    writer = open_writer(tmp_path / "take", layout)
    writer.write_controls(rows[:2])
    writer.write_controls(rows[2:])
    writer.close()
    read = control_changes(open_session(tmp_path / "take"))
    assert [frame for frame, _ in read] == [12, 14, 18]
    assert set(read[0][1]) == set(layout.addresses)
    assert read[1:] == [changes[1], changes[3]]
    vector = np.full(layout.size, np.nan)
    for _, change in read:
        layout.apply(vector, change)
    np.testing.assert_array_equal(vector, rows[-1, 2:])


def test_events(tmp_path):
    writer = open_writer(tmp_path / "take", clock=Clock())
    rows, _ = hop_rows([6, 8, 10])
    rows["late"][1] = 1
    rows["compute_s"][1] = 0.125
    rows["nonfinite_in"][2] = 3
    writer.write_hops(rows)
    writer.event("restart", 12, gap_s=np.float64(1.5))
    writer.event("mark", 13, text="größer\nzwei")
    writer.close()
    writer.close()
    events = read_events(open_session(tmp_path / "take"))
    assert [event.pop("time_s") for event in events] == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    assert events == [
        {"latent_frame": 6, "kind": "start"},
        {"latent_frame": 8, "kind": "late", "compute_s": 0.125, "wake_s": 0.0},
        {"latent_frame": 10, "kind": "nonfinite", "samples_in": 3, "samples_out": 0},
        {"latent_frame": 12, "kind": "restart", "gap_s": 1.5},
        {"latent_frame": 13, "kind": "mark", "text": "größer\nzwei"},
        {"latent_frame": 12, "kind": "stop", "samples": 0},
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "rtrave-session", "version": 1}', '{"format": "x", "version": 1}']
)
def test_what_is_no_session_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "session.json").write_text(text)
    with pytest.raises(RtraveError) as refused:
        open_session(tmp_path)
    assert "session" in str(refused.value) and "\n" not in str(refused.value)


def test_a_damaged_event_is_named(tmp_path):
    open_writer(tmp_path / "take").close()
    with (tmp_path / "take" / "events.jsonl").open("a") as file:
        file.write('{"kind": "set"}\n' + json.dumps({"kind": "mark", "latent_frame": 1}) + "\n")
    with pytest.raises(RtraveError, match="line 2"):
        read_events(open_session(tmp_path / "take"))
