"""The results of `rtrave bench`, as JSON and as text."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rtrave.bench.measure import Timing, Verdict

TIMES = (("median", "median_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"))


@dataclass(frozen=True)
class PeerTiming:
    """Times of a TorchScript file.

    Attributes
    ----------
    name : str
        Name of the file.
    times : Timing
    ratio : float
        rtrave's time divided by the file's.
    """

    name: str
    times: Timing
    ratio: float


@dataclass(frozen=True)
class Recommendation:
    """Options with which a model fits with margin: threads, and the hop in samples."""

    threads: int
    hop: int


@dataclass(frozen=True)
class BenchReport:
    """Results of a benchmark; the fields are the keys of its JSON, where those of `times` stand beside the others.

    Attributes
    ----------
    name : str
        Name of the model.
    hop : int
        Samples.
    hop_ms : float
        Duration of a hop.
    times : Timing
        Times of rtrave's hops.
    real_time_factor : float
        Duration of a hop divided by its median time.
    threads : int
    precision : {"float32", "int8"}
    weights_bytes : int
        Bytes of weights that a hop reads.
    read_bandwidth_gbs : float
        GB/s at which one core reads memory.
    floor_ms : float
        Time in which one core reads the weights once.
    against : PeerTiming or None
    verdict : Verdict
    busy_cores : float
        Cores that other programs kept busy before the measurement.
    recommended : Recommendation or None
        None if no setting fits with margin.
    """

    name: str
    hop: int
    hop_ms: float
    times: Timing
    real_time_factor: float
    threads: int
    precision: str
    weights_bytes: int
    read_bandwidth_gbs: float
    floor_ms: float
    against: PeerTiming | None
    verdict: Verdict
    busy_cores: float
    recommended: Recommendation | None = None

    def to_json(self) -> dict[str, object]:
        """Return the report in plain types, with the keys of `rtrave bench --json`."""
        flat: dict[str, object] = {}
        for name, value in asdict(self).items():
            flat |= value if name == "times" else {name: value}
        if self.against is not None:
            flat["against"] = {"name": self.against.name, **asdict(self.against.times), "ratio": self.against.ratio}
        return flat

    def lines(self, model: str) -> list[str]:
        """Return the report as lines of text; `model` is the model as the user named it."""
        plural = "s" if self.threads > 1 else ""
        lines = [
            f"{self.name}: hop {self.hop} samples ({self.hop_ms:.2f} ms), {self.threads} thread{plural}, "
            f"{self.precision}, {self.times.hops} hops",
            _times_line("rtrave", self.times, f"{self.real_time_factor:.1f} x real time"),
        ]
        if self.against:
            share = f"rtrave takes {self.against.ratio:.3f} of it"
            lines.append(_times_line(self.against.name, self.against.times, share))
        best = self.recommended
        return [
            *lines,
            f"memory floor   {self.floor_ms:.3f} ms ({self.weights_bytes / 1e6:.1f} MB of weights at "
            f"{self.read_bandwidth_gbs:.1f} GB/s): rtrave takes {self.times.median_ms / self.floor_ms:.2f} of it",
            f"verdict        {self.verdict}",
            f"recommended    rtrave live --model {model} --threads {best.threads} --hop {best.hop}"
            if best
            else "recommended    no setting fits with margin on this computer: try --precision int8 or a smaller model",
        ]


def _times_line(name: str, times: Timing, remark: str) -> str:
    shown = "   ".join(f"{label} {getattr(times, key):8.3f} ms" for label, key in TIMES)
    return f"{name:<14.14} {shown}   {remark}"
