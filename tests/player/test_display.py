"""A note stays on the screen until it is old, or is printed as a line where there is no screen."""

import io

import pytest
from rich.console import Console

from rtrave.player import display
from rtrave.player.display import Display
from tests.player.test_terminal import view_of


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def display_on(terminal):
    return Display(Console(width=80, height=24, file=io.StringIO(), force_terminal=terminal, color_system=None))


def said(of):
    return of._console.file.getvalue()


def test_on_a_screen_a_note_stays_for_a_while(clock):
    on = display_on(True)
    on.note("first")
    clock[0] += 15
    on.note("second")
    assert on.notes() == ["first", "second"] and said(on) == ""
    clock[0] += 10
    assert on.notes() == ["second"]


def test_a_flood_of_notes_does_not_grow(clock):
    on = display_on(True)
    for index in range(1000):
        on.note(str(index))
    assert on.notes() == [str(index) for index in range(990, 1000)]


def test_without_a_screen_a_note_is_a_line_at_once(clock):
    on = display_on(False)
    on.note("[bold]as it is[/bold] " + "long " * 30)
    assert said(on).count("\n") == 1 and said(on).startswith("[bold]as it is[/bold]")


def test_lines_come_in_their_period_and_after_the_facts(clock):
    on = display_on(False)
    with on.running(view_of) as show:
        facts = said(on).count("\n")
        assert facts == 5
        for _ in range(17):
            show(view_of())
            clock[0] += 0.25
    assert said(on).count("\n") == facts + 2


def test_the_last_state_stays_below_the_screen(clock):
    on = display_on(True)
    with on.running(lambda: view_of(uptime_s=3599.0)) as show:
        show(view_of(uptime_s=1.0))
    left = said(on).split("\x1b[?1049l")[-1]  # the alternate screen is left
    assert "0:59:59" in left and "0:00:01" not in left
