"""`ludus curves`: draws what runs returned as they went on."""

from __future__ import annotations

from pathlib import Path

from ludus.core import files
from ludus.core.errors import InputError
from ludus.run import curves, plots


def main(
    sources: tuple[str, ...],
    /,
    *,
    out: Path = Path("curves.svg"),
    keep: Path | None = None,
    metric: str = curves.RETURN,
) -> int:
    """Draw learning curves as an SVG: one panel for each name, the mean of its runs and a band from least to most.

    As in: ludus curves scout=runs/league/potyard/scout-0 scout=runs/league/potyard/scout-1 tank=runs/...

    Args:
        sources: NAME=RUN, a folder of ludus train; runs of one name are its seeds. Or a .json that --keep has written.
        out: the picture.
        keep: write the curves as a small JSON too, from which they can be drawn again.
        metric: of metrics.jsonl.
    """
    runs: dict[str, list[Path]] = {}
    drawn: list[curves.Curve] = []
    for source in sources:
        name, equals, run = source.partition("=")
        if equals:
            runs.setdefault(name, []).append(Path(run))
        elif source.endswith(".json"):
            drawn += curves.read_curves(Path(source))
        else:
            raise InputError(f"{source!r} is neither NAME=RUN nor a .json that --keep has written.")
    drawn += [curves.read_curve(name, folders, metric=metric) for name, folders in runs.items()]
    if not drawn:
        raise InputError("no run was given, expected at least one: ludus curves NAME=RUN")
    if keep is not None:
        curves.write_curves(keep, drawn, metric=metric)
    files.write_atomic(out, plots.svg(curves.panels(drawn)).encode())
    print(out)
    return 0
