"""`rtrave check`: the soundcheck, everything that can be known before the show."""

from __future__ import annotations

import argparse
import io
import json
import threading
import time
from dataclasses import asdict

from rich.console import Console

from rtrave.cli.live import add_live_options, prepared
from rtrave.cli.options import positive
from rtrave.errors import RtraveError
from rtrave.player import soundcheck
from rtrave.player.feedback_watch import FeedbackWatch
from rtrave.player.run import POLL_S, LiveRun
from rtrave.player.soundcheck import BAD, Verdict


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "check",
        help="the soundcheck: device, level, feedback, margin, disk, ports",
        description="Play for 20 seconds as 'rtrave live' would with the same options, and give a verdict for each: "
        "ok, look, or FAIL. Make the loudest sound of the show meanwhile. Exit code 1 where something fails.",
    )
    add_live_options(parser)
    parser.add_argument("--seconds", type=positive, default=20, metavar="S", help="how long (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    verdicts = [soundcheck.ports(arguments.osc_bind, arguments.osc_port)]
    if verdicts[0].result == BAD:
        arguments.osc_port = 0
    live_options = prepared(arguments)
    spec = live_options[1].spec
    verdicts.append(soundcheck.disk(live_options[0].sessions_dir, spec.sample_rate, live_options[1].channels))
    try:
        with LiveRun(*live_options, Console(file=io.StringIO())) as live:
            verdicts = [*play(live, arguments.seconds), *verdicts]
    except RtraveError as error:
        verdicts.insert(0, Verdict("device", BAD, str(error)))
    if arguments.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    else:
        print("\n".join(f"{v.result:5} {v.what:9} {v.text}" for v in verdicts))
    return int(any(verdict.result == BAD for verdict in verdicts))


def play(live: LiveRun, seconds: int) -> list[Verdict]:
    """Play for so many seconds, and return the verdicts of the run."""
    live.start()
    loop = threading.Thread(target=live.loop)
    loop.start()
    watch, warning, highest_db = FeedbackWatch(), "", -120.0
    began_s = time.monotonic()
    try:
        while time.monotonic() < began_s + seconds:
            time.sleep(POLL_S)
            peak_in, _, peak_out, _ = live.monitor.levels_db()
            highest_db = max(highest_db, peak_in)
            warning = warning or watch.look(peak_in, peak_out, time.monotonic())
        view = live.view()
    finally:
        live.stop()
        loop.join()
    return soundcheck.after_the_run(view.device, view.counts, live.monitor, seconds, highest_db, warning)
