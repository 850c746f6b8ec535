"""Make the cases of the installed version: python make.py CASES_FOLDER. Runs in the interoperability environment.

Each step of each case has a process of its own, because upstream's configuration and convolution mode are global.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from build import make_run
from cases import Case, all_cases, full_cases
from vectors import eager_vectors, script_vectors

TIMEOUT_S = 300
FORMAT = 2  # version of the case folders; folders of older versions are made again


def _export(case: Case, folder: Path, bind_channels: bool) -> dict[str, Any]:
    """Run upstream's export script with the options of its command line."""
    import gin
    from absl import flags

    from scripts import export

    if bind_channels:
        gin.bind_parameter("RAVE.n_channels", case.channels)
    arguments = ["export", f"--run={folder}", f"--fidelity={case.fidelity}"]
    if "output" in flags.FLAGS:  # older versions write to the checkpoint's folder
        arguments += ["--name=model", f"--output={folder / 'export'}"]
    arguments += ["--streaming"] * case.streaming + ["--ema_weights"] * case.ema
    flags.FLAGS(arguments)
    export.main([])
    (script,) = folder.rglob("*.ts")
    script.replace(folder / "model.ts")
    return {"size_bytes": (folder / "model.ts").stat().st_size}


def _run_eager(case: Case, folder: Path) -> dict[str, Any]:
    arrays, facts = eager_vectors(case, folder)
    np.savez_compressed(folder / "io.npz", **arrays)
    return facts


def _run_script(case: Case, folder: Path) -> dict[str, Any]:
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)
    more, facts = script_vectors(case, folder / "model.ts", arrays["compressed"])
    np.savez_compressed(folder / "io.npz", **arrays, **more)
    if case.streaming:  # a difference would mean that the export took other weights than the checkpoint's
        facts["encoded_against_eager"] = float(np.abs(more["ts_encoded"] - arrays["stream_encoded"]).max())
    facts["not_finite"] = [name for name, array in more.items() if not np.isfinite(array).all()]
    return facts


def _in_child(log: Path, result: Path, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        answer = {"ok": True, **work(*arguments)}
    except BaseException as error:  # upstream also raises SystemExit; every failure goes into the table
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines() if not line.endswith(":")]
        answer = {"ok": False, "error": f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]}
        answer["traceback"] = traceback.format_exc()[-1500:]
    result.write_text(json.dumps(answer))


def run_step(folder: Path, step: str, work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run `work` in a forked child; return its facts, or its exception as `error`."""
    result = folder / f".{step}.json"
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_in_child, args=(folder / "log.txt", result, work, *arguments))
    child.start()
    child.join(TIMEOUT_S)
    if child.is_alive():
        child.kill()
        child.join()
        return {"ok": False, "error": f"no answer within {TIMEOUT_S} s"}
    if not result.exists():
        return {"ok": False, "error": f"the process ended with {child.exitcode}"}
    answer = json.loads(result.read_text())
    result.unlink()
    return answer


def make_case(case: Case, cases_folder: Path) -> dict[str, Any]:
    """Make one case in a temporary folder, and rename it when it is complete; return its meta.json."""
    folder = cases_folder / f".{case.name}.part"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    steps = {"run": run_step(folder, "run", make_run, case, folder)}
    if steps["run"]["ok"]:
        steps["eager"] = run_step(folder, "eager", _run_eager, case, folder)
        steps["export"] = run_step(folder, "export", _export, case, folder, False)
        if not steps["export"]["ok"] and case.channels != 1:
            steps["export_channels_bound"] = run_step(folder, "export_channels_bound", _export, case, folder, True)
        if (folder / "model.ts").exists() and steps["eager"]["ok"]:
            steps["script"] = run_step(folder, "script", _run_script, case, folder)
    shutil.rmtree(folder / "export", ignore_errors=True)
    packages = ("acids-rave", "cached-conv", "nn-tilde", "torch", "pytorch-lightning")
    meta = {
        "format": FORMAT,
        **{field: getattr(case, field) for field in case.__dataclass_fields__},
        "causal": "causal.gin" in case.configs,
        "versions": {package: version(package) for package in packages},
        "draws": {"posterior": 0.0, "fill": 0.25, "augmentation": 0.25, "synth": 0.75},
        **{key: steps["run"].get(key) for key in ("encoder", "decoder", "full_latent_size", "n_params")},
        **{key: steps.get("eager", {}).get(key) for key in ("ratio", "block")},
        "seconds": round(time.monotonic() - started, 1),
        "steps": steps,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))
    final = cases_folder / case.name
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
    return meta


def is_made(folder: Path) -> bool:
    """Check that a case exists, complete and of the current format."""
    try:
        return json.loads((folder / "meta.json").read_text())["format"] == FORMAT
    except (OSError, ValueError, KeyError):
        return False


def _summary(meta: dict[str, Any]) -> str:
    failed = [f"{step}: {facts['error']}" for step, facts in meta["steps"].items() if not facts["ok"]]
    return "ok" if not failed else "; ".join(failed)


def main() -> None:
    """Make the selected cases that do not exist."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--count", type=int, help="largest number of cases, the most different ones first")
    parser.add_argument("--full", action="store_true", help="make the models of full size for the benchmark instead")
    parser.add_argument("--again", action="store_true", help="also make cases that exist")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = full_cases() if options.full else all_cases()
    named = [case for case in known if (options.only or "") in case.name][: options.count]
    if not named:
        sys.exit(f"--only: expected a part of a case's name, got {options.only!r}")
    cases = [case for case in named if case.upstream == version("acids-rave")]
    for number, case in enumerate(cases, 1):
        if is_made(options.folder / case.name) and not options.again:
            continue
        meta = make_case(case, options.folder.resolve())
        print(f"{number}/{len(cases)} {case.name} {meta['seconds']} s {_summary(meta)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
