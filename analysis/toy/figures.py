"""The toy model's charts (the paper's figures 4, 5 and 22 to 29), each of one data set; from data.by_penalty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ..interactive import Chart, Panel, Series, chance_line
from ..metrics import ordered_variants, variant_label
from .data import FOUND, MEASURES, Measure
from .equal_l0 import WIDEST_GAP

VARIANCE = "explained_variance"
#: Shares and explained variances are shown from here up.
LOWEST_SHOWN = -0.25
#: Against the penalty: column, label, whether in logarithms.
BY_PENALTY = ((VARIANCE, "explained variance", False), ("l0", "L0", True), ("dead_fraction", "dead latents (share)", False))
#: Widths side by side.
ACROSS = 4
#: Powers of ten that an axis names, in wide panels and in narrow ones.
MOST_POWERS, FEW_POWERS = 7, 4
ROW_HEIGHT = 170


def matching(table: pd.DataFrame, name: str, caption: str) -> Chart:
    """MMCS against the penalty: a panel a width, a line a hookpoint; shaded where the data itself, or else what is there, is above FOUND."""
    table = with_arms(table[table["mmcs"].notna()])
    panels: list[Panel] = []
    most = MOST_POWERS if table["n_latents"].nunique() < 3 else FEW_POWERS
    for title, part in _by_width(table):
        lines = [_line(line, "mmcs") for _, line in _by_arm(part)]
        first = next(line for _, line in _by_arm(part)).sort_values("penalty")
        shown = first[first["penalty"] > 0]
        zone = found_zone(shown["penalty"].to_numpy(), shown["mmcs"].to_numpy())
        x = _log_range(part["penalty"])
        shade = [Series("", np.log10(zone).tolist(), [math.nan] * 2, low=[0, 0], high=[1.03, 1.03], marked=False)] if zone else []
        note = f"> {FOUND:g}: {zone[0]:.2g} to {zone[1]:.2g}" if zone else f"never above {FOUND:g}"
        panels.append(Panel(title, [*shade, chance_line(x, (FOUND, FOUND)), *lines], "L1 penalty", "" if panels else "MMCS", x, (0, 1.03), _powers(x, most), note=note))
    highest = table.loc[table["mmcs"].idxmax()]
    alt = f"Mean max cosine similarity against the L1 penalty, a panel for each width. Highest: {highest['mmcs']:.3f} at penalty {highest['penalty']:.3g}."
    return _chart(name, panels, min(ACROSS, len(panels)), alt, caption, table)


def fronts(table: pd.DataFrame, name: str, caption: str) -> Chart:
    """Pareto fronts of explained variance against each measure of sparsity: a row a width, a column a measure, a line an arm. SAEs on
    no front are pale points."""
    table = with_arms(table)
    panels = []
    for title, part in _by_width(table):
        for i, measure in enumerate(MEASURES):
            lines = [series for _, line in _by_arm(part) for series in _front(line, measure)]
            x = _log_range(table[measure.name]) if measure.is_log else _range(table[measure.name])
            panels.append(Panel(title if i == 0 else "", lines, measure.label, "" if i else "explained variance", x, _share_range(table[VARIANCE]), _powers(x, FEW_POWERS) if measure.is_log else {}))
    alt = "Pareto fronts of explained variance against L0, L1, L1 over root L2, and Hoyer, a row for each width. All values: tables/penalties.csv."
    return _chart(name, panels, len(MEASURES), alt, caption, table)


def by_penalty(table: pd.DataFrame, name: str, caption: str) -> Chart:
    """Explained variance, L0 and dead latents against the penalty: a row a width, a line an arm."""
    table = with_arms(table)
    x = _log_range(table["penalty"])
    panels = []
    for title, part in _by_width(table):
        for i, (column, label, is_log) in enumerate(BY_PENALTY):
            lines = [_line(line, column) for _, line in _by_arm(part)]
            panels.append(Panel(title if i == 0 else "", lines, "L1 penalty", label, x, None if is_log else _share_range(table[column]), _powers(x, MOST_POWERS), is_log_y=is_log))
    alt = "Explained variance, L0 and dead latents against the L1 penalty, a row for each width. All values: tables/penalties.csv."
    return _chart(name, panels, len(BY_PENALTY), alt, caption, table)


def with_arms(table: pd.DataFrame) -> pd.DataFrame:
    """With `arm`, whose name has a colour and a label: the variant, and whether it went through the MLP."""
    return table.assign(arm=[variant + ("_mlp" if hookpoint == "mlp" else "") for variant, hookpoint in zip(table["variant"], table["hookpoint"])])


def found_zone(penalty: np.ndarray, mmcs: np.ndarray) -> tuple[float, float] | None:
    """Between which penalties the line through the points, as it is drawn, is above FOUND. penalty: rising."""
    x, y = np.log(penalty), mmcs - FOUND
    edges = list(x[y > 0])
    for i in np.flatnonzero((y[:-1] > 0) != (y[1:] > 0)):
        edges.append(x[i] + (x[i + 1] - x[i]) * y[i] / (y[i] - y[i + 1]))
    return (float(np.exp(min(edges))), float(np.exp(max(edges)))) if edges else None


def _chart(name: str, panels: Sequence[Panel], n_columns: int, alt: str, caption: str, table: pd.DataFrame) -> Chart:
    return Chart(name, panels, n_columns, alt, caption, ordered_variants(table["arm"]), row_height=ROW_HEIGHT, compared=False)


def _by_width(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for width, part in table.groupby("n_latents"):
        yield f"{width:,} latents", part


def _by_arm(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for arm in ordered_variants(table["arm"]):
        yield arm, table[table["arm"] == arm]


def _line(rows: pd.DataFrame, column: str) -> Series:
    """A column by penalty, with its band over seeds."""
    rows = rows.sort_values("penalty")
    arm = rows["arm"].iloc[0]
    texts = [f"{variant_label(arm)}<br>penalty {row['penalty']:.3g}: {_value(row, column)}" for row in rows.to_dict("records")]
    return Series(arm, _log10(rows["penalty"]).tolist(), rows[column].tolist(), texts, *_band(rows, column))


def _front(rows: pd.DataFrame, measure: Measure) -> Iterator[Series]:
    """A line, broken where neighbours are too far apart to say what lies between them; and what is not on the front."""
    rows = rows.sort_values(measure.name)
    on_front = rows[rows[f"front_{measure.name}"]]
    sizes = on_front[measure.name].to_numpy()
    breaks = np.flatnonzero(sizes[1:] > WIDEST_GAP * sizes[:-1]) + 1 if measure.is_log else np.empty(0, int)
    for stretch in np.split(np.arange(len(on_front)), breaks):
        part = on_front.iloc[stretch]
        yield Series(rows["arm"].iloc[0], _x(part, measure), part[VARIANCE].tolist(), _front_texts(part, measure), *_band(part, VARIANCE))
    rest = rows[~rows[f"front_{measure.name}"]]
    if len(rest):
        yield Series(rows["arm"].iloc[0], _x(rest, measure), rest[VARIANCE].tolist(), _front_texts(rest, measure), kind="points")


def _x(rows: pd.DataFrame, measure: Measure) -> list[float]:
    values = rows[measure.name]
    return (_log10(values) if measure.is_log else values).tolist()


def _log10(values: pd.Series) -> pd.Series:
    """NaN, which is not drawn, for 0: of SAEs without a penalty, or without an active latent."""
    return np.log10(values.where(values > 0))


def _band(rows: pd.DataFrame, column: str) -> tuple[Sequence[float], Sequence[float]]:
    """Lowest and highest over seeds, where there are several."""
    return (rows[f"{column}_min"].tolist(), rows[f"{column}_max"].tolist()) if (rows["n_seeds"] > 1).any() else ((), ())


def _front_texts(rows: pd.DataFrame, measure: Measure) -> list[str]:
    return [
        f"{variant_label(row['arm'])}{'' if row[f'front_{measure.name}'] else ', not on the front'}<br>penalty {row['penalty']:.3g}"
        f"<br>{measure.label} {_value(row, measure.name)}<br>explained variance {_value(row, VARIANCE)}"
        for row in rows.to_dict("records")
    ]  # fmt: skip


def _value(row: dict, name: str) -> str:
    """Mean, and range over seeds."""
    text = f"{row[name]:.3g}"
    text += f" ({row[f'{name}_min']:.3g} to {row[f'{name}_max']:.3g}, {row['n_seeds']} seeds)" if row["n_seeds"] > 1 else ""
    return text.replace("-", "−")


def _log_range(values: pd.Series) -> tuple[float, float]:
    """Of the logarithms to base 10, with some room."""
    return _range(np.log10(values[values > 0]))


def _range(values: pd.Series) -> tuple[float, float]:
    low, high = (float(values.min()), float(values.max())) if values.notna().any() else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.1
    return low - room, high + room


def _share_range(values: pd.Series) -> tuple[float, float]:
    return max(min(0.0, values.min()), LOWEST_SHOWN) - 0.03, 1.03


def _powers(limits: tuple[float, float], most: int) -> dict[str, float]:
    """Powers of ten between two logarithms, all or every few; as a and b times ten where they are fewer than two."""
    low, high = math.ceil(limits[0]), math.floor(limits[1])
    if high <= low:
        places = [math.log10(digit) + power for power in range(low - 1, high + 1) for digit in (1, 2, 5)]
    else:
        places = list(range(low, high + 1, math.ceil((high - low + 1) / most)))
    return {_power(place): place for place in places if limits[0] <= place <= limits[1]}


def _power(place: float) -> str:
    return f"{10.0**place:,.{max(0, math.ceil(-place))}f}" if place > -4 else f"{10.0**place:.0e}"
