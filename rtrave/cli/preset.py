"""`rtrave preset list|export|import`: write snapshots and controls to files, and read them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtrave.backends.opening import read_facts
from rtrave.cli.destination import check_destination, check_ending, check_new
from rtrave.cli.options import compiled, find_preset, known_presets
from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.persisted import apply_preset, load_state, preset_text, save_state, state_path, write_whole
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.settings import DEFAULT_MODEL
from rtrave.streaming.stream import attributes_of


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "preset",
        help="list presets, write the snapshots of a model to a file, or read them from one",
        description="Presets are TOML files of addresses and values, and of snapshots. 'rtrave live --preset' starts "
        "with one. 'import' adds the snapshots of a preset to those that rtrave keeps for the model. 'export' writes "
        "the last controls and the snapshots of the model.",
    )
    parser.add_argument(
        "do", choices=("list", "export", "import"), help="list the presets that have a name, write one, or read one"
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the preset: FILE.toml, or for import also a name")
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="a name that 'rtrave models' lists, or a model's file or folder (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.do == "list":
        for name, path in known_presets().items():
            print(f"{name:<20} {path}")
        return 0
    if arguments.file is None:
        raise RtraveError(f"rtrave preset {arguments.do}: expected a FILE, got none: name one")
    facts = read_facts(compiled(arguments.model))
    state = state_path(facts.spec.name, facts.model_hash)
    layout = make_layout(facts.spec.full_latent_size)
    instrument = Instrument(Controls(layout, attributes_of(facts.spec)), facts.spec.fidelity)
    for note in load_state(instrument, state):
        print(note)
    if arguments.do == "export":
        return export(instrument, Path(arguments.file), arguments.force)
    before = set(instrument.names())
    apply_preset(instrument, find_preset(arguments.file))
    save_state(instrument, state)
    new = [name for name in instrument.names() if name not in before]
    print(f"{facts.spec.name} now has {len(instrument.names())} snapshots, new: {', '.join(new) or 'none'}")
    return 0


def export(instrument: Instrument, path: Path, force: bool) -> int:
    """Write the last controls and the snapshots to a preset; exit code."""
    check_ending(path, ".toml")
    check_destination(path)
    check_new(path, force)
    write_whole(path, preset_text(instrument))
    print(f"{path}: the last controls and {len(instrument.names())} snapshots")
    return 0
