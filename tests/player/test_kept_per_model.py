"""While models change, the file of each model holds its own controls, and its snapshots return with it."""

import json

from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.persisted import save_state
from rtrave.control.vector import make_layout
from rtrave.player.state_keeper import StateKeeper


def make(dims):
    return Instrument(Controls(make_layout(dims)))


def test_each_model_has_its_own(tmp_path):
    first, second, notes = tmp_path / "first.json", tmp_path / "second.json", []
    earlier = make(2)
    earlier.controls.set("/rtrave/mix", (0.75,))
    earlier.store("verse")
    earlier.store("chorus")
    save_state(earlier, second)

    playing = make(4)
    keeper = StateKeeper(playing, first, notes.append)
    playing.controls.set("/rtrave/latent/3/bias", (1.5,))
    playing.controls.set("/rtrave/mix", (0.25,))
    playing.store("verse")
    keeper.save()
    playing.adopt(make_layout(2))
    keeper.adopt(second)
    assert set(playing.snapshots) == {"verse", "chorus"}
    assert playing.controls.get("/rtrave/mix") == (0.25,)  # what is played stays
    playing.recall("verse")
    assert playing.controls.get("/rtrave/mix") == (0.25,)  # the one of this run, not the one of the file
    playing.recall("chorus")
    assert playing.controls.get("/rtrave/mix") == (0.75,)
    keeper.save()
    kept = {path: json.loads(path.read_text()) for path in (first, second)}
    assert kept[first]["controls"]["/rtrave/latent/3/bias"] == 1.5 and set(kept[first]["snapshots"]) == {"verse"}
    assert kept[second]["controls"] == {"/rtrave/mix": 0.75}
    assert set(kept[second]["snapshots"]) == {"verse", "chorus"}
    assert not notes


def test_a_run_that_keeps_nothing_keeps_nothing_of_the_next_model(tmp_path):
    playing = make(2)
    keeper = StateKeeper(playing, None, print)
    keeper.adopt(tmp_path / "second.json")
    playing.store("verse")
    keeper.save()
    assert not list(tmp_path.iterdir())
