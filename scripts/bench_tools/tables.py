"""Measure everything, and write the tables of docs/performance.md: python tables.py CASES DOCUMENT."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import int8_quality
import memory
import onnxruntime
import whole_file
from cases import FILES, ROWS, Row

Facts = dict  # the JSON of `rtrave bench`
MARKS = "<!-- {}: scripts/bench -->\n", "<!-- end -->"


def torchscript(folder: Path, name: str) -> Path:
    """Return the path of RAVE's own export of a full-size model."""
    return folder / f"full_{name}" / "model.ts"


def time_row(folder: Path, row: Row, hops: int, force: bool) -> Facts:
    """Run `rtrave bench` for one row, against RAVE's own export of the same weights, and return its JSON."""
    path = torchscript(folder, row.name)
    command = [sys.executable, "-m", "rtrave", "bench", path, "--against", path, "--json", "--hops", hops]
    command += ["--hop", row.hop, "--precision", row.precision, "--threads", row.threads, *(["--force"] * force)]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def hop_table(measured: list[tuple[Row, Facts]]) -> str:
    """Format the times of hops, one line per row."""
    lines = [
        "| model | MB | hop | threads | precision | median ms | p99 | p99.9 | of the hop | of the floor | TorchScript "
        "median ms | p99.9 | ours / TorchScript |",
        "| --- | " + "--- | " * 11 + "--- |",
    ]
    for row, facts in measured:
        peer = facts["against"]
        cells = [
            row.name, f"{facts['weights_bytes'] / 1e6:.0f}", facts["hop"], row.threads, row.precision,
            f"{facts['median_ms']:.3f}", f"{facts['p99_ms']:.3f}", f"{facts['p999_ms']:.3f}",
            f"{facts['median_ms'] / facts['hop_ms']:.3f}", f"{facts['median_ms'] / facts['floor_ms']:.2f}",
            f"{peer['median_ms']:.2f}", f"{peer['p999_ms']:.2f}", f"**{peer['ratio']:.3f}**",
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def file_table(measured: dict[str, dict[str, float]]) -> str:
    """Format the times of whole files, one line per model."""
    lines = ["| model | sound | ours | TorchScript | ours / TorchScript |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {facts['seconds']:.0f} s | {facts['ours_s']:.2f} s | {facts['theirs_s']:.2f} s "
        f"| **{facts['ratio']:.3f}** |"
        for name, facts in measured.items()
    ]
    return "\n".join(lines) + "\n"


def memory_lines(grown: dict[str, float]) -> str:
    """Format the growth of memory as a sentence."""
    return (
        f"Resident memory over {memory.HOPS:,} hops of the default model: {grown['hops_mb']:+.1f} MB after the first "
        f"{memory.SETTLED_HOPS:,}. Over {memory.SWAPS} models that were opened, played and closed: "
        f"{grown['swaps_mb']:+.1f} MB after the first {memory.SETTLED_SWAPS}.\n"
    )


def machine_line(measured: list[tuple[Row, Facts]], hops: int) -> str:
    """Format the description of the computer and of the measurement."""
    bandwidth = [facts["read_bandwidth_gbs"] for _, facts in measured]
    busy = max(facts["busy_cores"] for _, facts in measured)
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return (
        f"{model}, {os.cpu_count()} cores; ONNX Runtime {onnxruntime.__version__}; {hops} hops a row; one core reads "
        f"{min(bandwidth):.1f} to {max(bandwidth):.1f} GB/s; other programs kept at most {busy:.2f} cores busy.\n"
    )


def replace_section(text: str, name: str, content: str) -> str:
    """Replace the content between the marks of a table."""
    start, end = MARKS[0].format(name), MARKS[1]
    before, rest = text.split(start)
    return before + start + content + end + rest.split(end, 1)[1]


def main() -> None:
    """Measure everything, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("document", type=Path)
    parser.add_argument("--hops", type=int, default=400, help="hops to time for each row")
    parser.add_argument("--only", default="", help="time only the rows of this model, and write nothing")
    parser.add_argument("--force", action="store_true", help="time even if other programs keep the computer busy")
    options = parser.parse_args()
    measured = []
    for row in ROWS:
        if options.only in ("", row.name):
            measured.append((row, time_row(options.folder, row, options.hops, options.force)))
            print(hop_table(measured[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    if options.only:
        return
    files = {name: whole_file.measure(torchscript(options.folder, name), seconds) for name, seconds in FILES.items()}
    quality = int8_quality.measure()
    grown = memory.measure([torchscript(options.folder, name) for name in ("v2", "brave")])
    text = options.document.read_text(encoding="utf-8")
    text = replace_section(text, "machine", machine_line(measured, options.hops))
    text = replace_section(text, "hops", hop_table(measured))
    text = replace_section(text, "files", file_table(files))
    int8_line = f"SNR {quality['snr_db']:.1f} dB, log-spectral distance {quality['lsd_db']:.2f} dB against float32.\n"
    text = replace_section(text, "int8", int8_line)
    options.document.write_text(replace_section(text, "memory", memory_lines(grown)), encoding="utf-8")


if __name__ == "__main__":
    main()
