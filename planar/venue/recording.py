"""Files that move a market: candles, recorded trades, recorded books."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from planar.errors import DataError
from planar.model import timeframe as timeframes
from planar.store.candles import checked, infer_timeframe
from planar.store.files import read_file
from planar.venue.replay import joined


def read_candles(path: Path) -> tuple[pl.DataFrame, str]:
    """The candles of a Parquet or CSV file, checked, and their timeframe. Raises DataError when any is wrong."""
    frame = checked(read_file(path), name=str(path))
    return frame, timeframes.name(infer_timeframe(frame["time"].to_numpy(), name=str(path)))


def read_books(paths: Iterable[Path]) -> pl.DataFrame:
    """The rows of Parquet files of one recorded book: a snapshot, then what changed. Raises DataError likewise."""
    return joined(read_parquet(path) for path in paths)


def read_parquet(path: Path) -> pl.DataFrame:
    """The rows of a Parquet file. Raises DataError when it cannot be read."""
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"{path}: it cannot be read as Parquet ({reason}). Check that it is whole.") from None
