"""Tables as files: CSV for programs, LaTeX for papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: What stands for a missing number or an empty text.
MISSING = "--"
#: A table of more rows breaks across pages.
LONGEST_ON_A_PAGE = 45


def write_table(
    frame: pd.DataFrame, folder: str | Path, name: str, caption: str, headers: Mapping[str, str] | None = None
) -> tuple[Path, Path]:
    """Writes a frame, without its index, as FOLDER/NAME.csv (all digits) and FOLDER/NAME.tex (to be read).

    The .tex is a booktabs table with caption and label tab:NAME, for \\input; see `latex`. headers: of columns in the
    .tex, where not their names. Returns both paths.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    csv, tex = folder / f"{name}.csv", folder / f"{name}.tex"
    frame.to_csv(csv, index=False)
    tex.write_text(latex(frame, caption, f"tab:{name}", headers), encoding="utf-8")
    return csv, tex


def latex(frame: pd.DataFrame, caption: str, label: str, headers: Mapping[str, str] | None = None) -> str:
    """A frame, without its index, as a LaTeX table: texts to the left and escaped, numbers to the right.

    The numbers of a column have the same decimals: three, or fewer where most are above 100, or three significant digits
    where most are small; one that would round to 0 is shown as below the last digit.
    """
    shown = pd.DataFrame({name: frame[name].map(_formatter(frame[name])) for name in frame})
    shown.columns = [_escaped((headers or {}).get(name, name)) for name in frame]
    long = len(frame) > LONGEST_ON_A_PAGE
    text = shown.style.hide(axis="index").to_latex(
        column_format="".join("l" if _is_text(frame[name]) else "r" for name in frame),
        environment="longtable" if long else "table",
        position=None if long else "htbp",
        position_float=None if long else "centering",
        hrules=True,
        caption=_escaped(caption),
        label=label,
    )
    return f"% needs \\usepackage{{booktabs{',longtable' if long else ''}}} and \\usepackage[T1]{{fontenc}}\n{text}"


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def _formatter(values: pd.Series) -> Callable[[Any], str]:
    if pd.api.types.is_bool_dtype(values):
        return lambda value: "yes" if value else "no"
    if pd.api.types.is_float_dtype(values):
        decimals = _decimals(values.to_numpy(dtype=float, na_value=np.nan))
        return lambda value: _number(value, decimals)
    if pd.api.types.is_numeric_dtype(values):
        return lambda value: _number(value, 0)
    return lambda value: MISSING if pd.isna(value) or value == "" else _escaped(str(value))


def _decimals(values: np.ndarray) -> int:
    """Of a column of floats."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if sizes.size == 0 or (sizes == np.round(sizes)).all():
        return 0
    digits = math.floor(math.log10(np.median(sizes)))
    return max(0, 4 - digits) if digits >= 2 else 3 if digits >= -1 else 2 - digits


def _number(value: Any, decimals: int) -> str:
    if pd.isna(value):
        return MISSING
    if not np.isfinite(value):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    text = f"{abs(value):,.{decimals}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        bound = f"{10**-decimals:.{decimals}f}"
        return f"$<{bound}$" if value > 0 else f"$>-{bound}$"
    return "$-$" + text if value < 0 else text


def _escaped(text: str) -> str:
    """Text as LaTeX shows it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\N{MINUS SIGN}": "$-$",
               "\N{NO-BREAK SPACE}": "~", "\n": " "} | {sign: "\\" + sign for sign in "&%$#_{}"}  # fmt: skip
    return "".join(special.get(sign, sign) for sign in text)
