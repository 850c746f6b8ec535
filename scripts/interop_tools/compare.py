"""Open upstream's models with rtrave, and compare the outputs: python compare.py CASES_FOLDER.

Runs in rtrave's environment. Every case is opened twice, as a training run's folder and as a TorchScript file. An error
is the largest deviation relative to the peak of the expected output. Upstream's outputs are stored in io.npz, so its
code is not needed.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import rtrave

TOLERANCE = 1e-4
DOCUMENT = Path(__file__).parents[2] / "docs" / "interoperability.md"
BEGIN, END = "<!-- table: scripts/interop compare --table -->", "<!-- end of table -->"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """Result of the comparison of one file of one case.

    Attributes
    ----------
    source : str
        "run folder" or "TorchScript".
    error : str or None
        Error that stopped the comparison: a refusal by rtrave, or a fault.
    errors : dict
        Peak error of each compared output.
    """

    case: str
    source: str
    error: str | None
    errors: dict[str, float]

    @property
    def equal(self) -> bool:
        """True if the file opened and all outputs agree."""
        return self.error is None and bool(self.errors) and max(self.errors.values()) <= TOLERANCE


def constant_draws(meta: dict[str, Any], posterior: float = 0.0) -> Callable[[str, int, tuple[int, ...]], np.ndarray]:
    """Return a noise source with the constants that replaced upstream's random draws."""
    values = {**meta["draws"], "posterior": posterior}
    return lambda kind, _frame, shape: np.full(shape, values[kind], np.float32)


def peak_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest deviation relative to the expected peak.

    Where the expected value is not finite, the actual one only has to be finite. NaN, infinity and nothing to compare
    give infinity.
    """
    if actual.shape != expected.shape:
        raise ValueError(f"shape: expected {expected.shape}, got {actual.shape}")
    finite = np.isfinite(expected)
    if not np.isfinite(actual).all() or not finite.any() or not np.abs(expected[finite]).max() > 0:
        return float("inf")
    deviation = np.abs(actual.astype(np.float64) - expected)[finite].max()
    return float(deviation / np.abs(expected[finite]).max())


def encode_column(kind: str, arrays: Arrays, raw: str, size: int) -> np.ndarray:
    """Convert upstream's raw encoder output to that of `encode`: posterior mean, unit, raw or quantised vector."""
    encoded = arrays[raw]
    if kind == "VariationalEncoder":
        return encoded[:, :size]
    if kind == "SphericalEncoder":
        return encoded / np.maximum(np.linalg.norm(encoded, axis=1, keepdims=True), 1e-12)
    if kind == "DiscreteEncoder":
        return arrays["latent" if raw == "encoded" else "ts_quantised"][:, :size]
    return encoded


def _in_blocks(method: Callable[[np.ndarray], np.ndarray], signal: np.ndarray, sizes: Iterator[int]) -> np.ndarray:
    """Call a stream's method on a signal cut into blocks of the given sizes, and join the outputs."""
    parts, start = [], 0
    while start < signal.shape[2]:
        stop = min(start + next(sizes), signal.shape[2])
        parts.append(method(signal[:, :, start:stop]))
        start = stop
    return np.concatenate(parts, 2)


def _block_sizes(unit: int) -> Iterator[int]:
    """Yield varying block sizes, which must not change the output."""
    while True:
        yield from (unit, 3 * unit, 2 * unit)


def compare_offline(model: Any, meta: dict[str, Any], arrays: Arrays) -> dict[str, float]:
    """Compare `encode`, `postprocess` and `decode` of whole signals with upstream's eager model."""
    size, noise = meta["full_latent_size"], constant_draws(meta)
    x, latent = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["latent"][:, :size])
    with torch.no_grad():
        return {
            "encode": peak_error(model.encode(x).numpy(), encode_column(meta["encoder"], arrays, "encoded", size)),
            "postprocess": peak_error(model.encode(x, postprocess=True).numpy(), arrays["compressed"]),
            "decode": peak_error(model.decode(latent, noise=noise).numpy(), arrays["decoded"]),
        }


def compare_stream(model: Any, meta: dict[str, Any], arrays: Arrays, backend: str) -> dict[str, float]:
    """Compare a stream with upstream's cached convolutions, eager and, if there is an export, as TorchScript."""
    size, ratio, kind = meta["full_latent_size"], meta["ratio"], meta["encoder"]

    def encoded(posterior: float = 0.0) -> np.ndarray:
        stream = rtrave.stream(model, backend=backend, compat="nn~", noise=constant_draws(meta, posterior))
        temperature = float(posterior > 0)
        hop = stream.hop
        return _in_blocks(lambda block: stream.encode(block, temperature), arrays["x"], _block_sizes(hop))

    def decoded(latent: np.ndarray) -> np.ndarray:
        stream = rtrave.stream(model, backend=backend, compat="nn~", noise=constant_draws(meta))
        return _in_blocks(stream.decode, np.ascontiguousarray(latent[:, :size]), _block_sizes(stream.hop // ratio))

    z = encoded()
    errors = {"stream decode": peak_error(decoded(arrays["latent"]), arrays["stream_decoded"])}
    if kind != "DiscreteEncoder":
        errors["stream encode"] = peak_error(z, encode_column(kind, arrays, "stream_encoded", size))
    if "ts_decode" in arrays and meta["streaming"]:
        errors["script encode"] = peak_error(z, encode_column(kind, arrays, "ts_encoded", size))
        errors["script decode"] = peak_error(decoded(arrays["ts_decoder_input"]), arrays["ts_decode"])
    if "ts_encode_std" in arrays and meta["streaming"]:
        pca, mean = np.asarray(model.latent_pca), np.asarray(model.latent_mean)
        exported = arrays["ts_encode"].shape[1]  # the export crops its latents
        components = (pca @ (encoded(1.0) - mean[:, None]))[:, :exported]
        errors["script std"] = peak_error(components, arrays["ts_encode_std"])
    return errors


def compare(folder: Path, backend: str = "torch") -> list[Outcome]:
    """Compare one case, opened both ways."""
    meta = json.loads((folder / "meta.json").read_text())
    outcomes = []
    sources = {"run folder": folder} if meta["steps"].get("eager", {}).get("ok") else {}
    if meta["steps"].get("script", {}).get("ok"):
        sources["TorchScript"] = folder / "model.ts"
    if not sources:  # upstream could not make it, see meta.json
        return []
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)
    for source, path in sources.items():
        error, errors = None, {}
        try:
            model = rtrave.load(str(path))
            errors = {**compare_offline(model, meta, arrays), **compare_stream(model, meta, arrays, backend)}
        except rtrave.RtraveError as refusal:
            error = f"refused: {refusal}"
        except Exception as fault:  # a fault of rtrave is reported in the table, and must not stop the other cases
            traceback.print_exc()
            error = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
        outcomes.append(Outcome(folder.name, source, error and error.replace(str(folder.parent), "..."), errors))
    return outcomes


def _cell(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return "no file"
    equal = sum(outcome.equal for outcome in outcomes)
    measured = [max(outcome.errors.values()) for outcome in outcomes if outcome.errors]
    worst = f", worst {max(measured):.0e}" if measured else ""
    return f"{equal} of {len(outcomes)}{worst}"


def upstream_failures(metas: dict[str, dict[str, Any]]) -> list[str]:
    """Format the failures of upstream's code, one line per kind of failure, with its cases."""
    seen = defaultdict(list)
    for name, meta in metas.items():
        for step, facts in meta["steps"].items():
            if not facts["ok"]:
                reason = facts["error"].split(" for ")[0] if "size mismatch" in facts["error"] else facts["error"]
                seen[step, reason].append(name)
        for name_of_array in meta["steps"].get("script", {}).get("not_finite", []):
            seen["script", f"`{name_of_array}` is not finite"].append(name)
    return [
        f"- {step}: {reason} ({len(names)} cases: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''})"
        for (step, reason), names in sorted(seen.items())
    ]


def table(metas: dict[str, dict[str, Any]], outcomes: list[Outcome], backend: str) -> str:
    """Format the table of the documentation: a line per configuration and padding, then every exception by name."""
    rows: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        label = outcome.case.split("_mono")[0].split("_stereo")[0]
        rows[label][outcome.source].append(outcome)
    lines = [
        f"{len(metas)} cases, rtrave's {backend} backend. Files that are equal within {TOLERANCE:g} of the peak:",
        "",
        "| configuration | run folder | TorchScript |",
        "| --- | --- | --- |",
        *(
            f"| {label} | {_cell(row['run folder'])} | {_cell(row['TorchScript'])} |"
            for label, row in sorted(rows.items())
        ),
        "",
        "Where rtrave differs or refuses:",
        "",
    ]
    exceptions = [outcome for outcome in outcomes if not outcome.equal]
    for outcome in exceptions:
        worst = ", ".join(f"{key} {value:.1e}" for key, value in outcome.errors.items() if value > TOLERANCE)
        lines.append(f"- {outcome.case}, {outcome.source}: {outcome.error or worst}")
    lines += [*(["- nowhere"] if not exceptions else []), "", "Where RAVE's own code fails:", ""]
    return "\n".join([*lines, *upstream_failures(metas)])


def main() -> None:
    """Compare the selected cases, and write the table if --table is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--count", type=int, help="largest number of cases, the most different ones first")
    parser.add_argument("--backend", default="torch", choices=("torch", "onnx"))
    parser.add_argument("--table", action="store_true", help="write the table into docs/interoperability.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path(__file__).parent))
    from cases import all_cases

    names = [case.name for case in all_cases() if options.only in case.name]
    folders = [options.folder / name for name in names if (options.folder / name / "meta.json").exists()]
    if not folders:
        sys.exit("--only: no case of this name has been made: run scripts/interop first")
    outcomes = []
    for number, folder in enumerate(folders[: options.count], 1):
        for outcome in compare(folder, options.backend):
            outcomes.append(outcome)
            worst = f"{max(outcome.errors.values()):.1e}" if outcome.errors else ""
            verdict = "equal" if outcome.equal else outcome.error or f"differs: {outcome.errors}"
            print(f"{number}/{len(folders)} {outcome.case} {outcome.source}: {verdict} {worst}", flush=True)
    if options.table:
        metas = {folder.name: json.loads((folder / "meta.json").read_text()) for folder in folders[: options.count]}
        text = DOCUMENT.read_text()
        head, rest = text.split(BEGIN)
        DOCUMENT.write_text(f"{head}{BEGIN}\n\n{table(metas, outcomes, options.backend)}\n\n{END}{rest.split(END)[1]}")
    sys.exit(0 if outcomes and all(outcome.equal for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
