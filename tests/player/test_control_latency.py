"""The first output sample that an OSC message changes comes within two hops of the message's arrival."""

import os
import time

import numpy as np

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.engine.engine import open_engine
from rtrave.model.registry import find_model
from rtrave.session.reader import control_changes, open_session, read_audio
from tests.player.running import Surface, live_run

MESSAGES = int(os.environ.get("RTRAVE_CONTROL_MESSAGES", "100"))
HOP_S = 2048 / 44100


def watch_hops(run):
    """Collect latent frame -> time of the callback that played it."""
    began = {}
    update = run.monitor.update

    def watched(hops):
        for row in hops:
            began[int(row["latent_frame"])] = row["time_s"]
        update(hops)

    run.monitor.update = watched
    return began


def first_changed_samples(session):
    """For each change of a take: its latent frame, and the first sample of that hop that it changed.

    Each hop is played twice from the same state, with and without the change; the first is compared with the take.
    """
    engine = open_engine(ensure_graph(find_model("strings"), GraphShape()))
    x, y = read_audio(session, "input"), read_audio(session, "output")
    changes = dict(control_changes(session)[1:])
    controls = engine.layout.defaults()
    engine.layout.apply(controls, control_changes(session)[0][1])
    found, without, played = [], np.empty((1, 2048), np.float32), np.empty((1, 2048), np.float32)
    for frame in range(x.shape[1] // 2048):
        block = x[:, frame * 2048 : (frame + 1) * 2048]
        if frame in changes:
            state = engine.snapshot()
            engine.process(block, controls, without)
            engine.restore(state)
            engine.layout.apply(controls, changes[frame])
        engine.process(block, controls, played)
        assert np.array_equal(played, y[:, frame * 2048 : (frame + 1) * 2048])
        if frame in changes:
            differing = np.flatnonzero(played != without)
            assert len(differing)
            found.append((frame, int(differing[0])))
    return found


def test_within_two_hops(tmp_path):
    rng = np.random.default_rng(0)
    sent_s = []
    with live_run(tmp_path) as run:
        began = watch_hops(run)
        surface = Surface(run.osc_port)
        time.sleep(0.3)
        for index in range(MESSAGES):
            sent_s.append(surface.send("/rtrave/latent/0/bias", "f", 1.0 if index % 2 else -1.0))
            time.sleep(2 * HOP_S + rng.uniform(0, HOP_S))  # never two in one hop, and every phase
        folder = run.take_folder
    changed = first_changed_samples(open_session(folder))
    assert len(changed) == MESSAGES
    waits = [
        (began[frame] + offset / 44100 - sent) / HOP_S for sent, (frame, offset) in zip(sent_s, changed, strict=True)
    ]
    phases = np.array([(sent - began[0]) / HOP_S % 1 for sent in sent_s])
    assert np.histogram(phases, 8, (0, 1))[0].min() > MESSAGES / 8 / 3
    print(f"first changed sample after {np.median(waits):.2f} hops (median), {max(waits):.2f} at most")
    assert min(waits) > 0
    assert max(waits) < 2
