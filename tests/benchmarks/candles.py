"""The candles of the benchmark: 20 instruments over a year of minutes, made from a seed, the same as the peers' make.

Prices are on a grid of 0.01 and move about 63 % a year with clustered volatility. Every open is the close before it, so
that engines which fill at the close and engines which fill at the next open get the same price.
"""

from pathlib import Path

import numpy as np

CANDLES = 525_600
START_NS = 1_735_689_600 * 10**9  # 2025-01-01
MINUTE_NS = 60 * 10**9
SEED = 20250101
MOVES = 12  # steps of the price within a candle
YEARLY_VOLATILITY = 0.6
PERSISTENCE, JITTER = 0.997, 0.03  # of the log volatility, from candle to candle
TICKS = 100  # in 1 quote
FIRST_PRICES = (
    30000.0, 2000.0, 150.0, 400.0, 95.0, 600.0, 1200.0, 75.0, 51.0, 3300.0,
    820.0, 65.0, 240.0, 18000.0, 5100.0, 310.0, 130.0, 970.0, 88.0, 440.0,
)  # fmt: skip
FIELDS = ("open", "high", "low", "close", "volume")


def prepare(folder: Path) -> None:
    """Makes the data when it is not in the folder: ``ts.npy`` (ns) and ``o h l c v .npy``, shape (20, candles)."""
    if all((folder / f"{field[0]}.npy").exists() for field in FIELDS) and (folder / "ts.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in generate().items():
        np.save(folder / f"{name}.npy", values)


def generate(candles: int = CANDLES, instruments: int = len(FIRST_PRICES)) -> dict[str, np.ndarray]:
    """``ts``, shape (candles,), and ``o h l c v``, shape (instruments, candles)."""
    # The order of the draws is part of the data: it must stay as in bench/peers/common.py.
    random = np.random.default_rng(SEED)
    made = {field[0]: np.empty((instruments, candles)) for field in FIELDS}
    hours = 1.0 + 0.35 * np.sin(2 * np.pi * np.arange(candles) / 1440.0)
    market = random.standard_normal((candles, MOVES)).astype(np.float32)
    for k, first_price in enumerate(FIRST_PRICES[:instruments]):
        log_volatility = _persistent(random.standard_normal(candles) * JITTER)
        clustered = np.exp(log_volatility - log_volatility.var())
        volatility = YEARLY_VOLATILITY / np.sqrt(CANDLES) * hours * clustered
        noise = 0.6 * market + 0.8 * random.standard_normal((candles, MOVES)).astype(np.float32)
        moves = noise * (volatility / np.sqrt(MOVES))[:, None]
        path = np.log(first_price) + np.cumsum(moves.reshape(-1).astype(np.float64))
        ticks = np.maximum(np.round(np.exp(path).reshape(candles, MOVES) * TICKS), 1.0)
        opens = np.concatenate([[round(first_price * TICKS)], ticks[:-1, -1]])
        made["o"][k] = opens / TICKS
        made["h"][k] = np.maximum(ticks.max(1), opens) / TICKS
        made["l"][k] = np.minimum(ticks.min(1), opens) / TICKS
        made["c"][k] = ticks[:, -1] / TICKS
        made["v"][k] = np.round(random.lognormal(3.0, 1.0, candles) + 1.0, 3) * amount_of(k)
    return {"ts": START_NS + MINUTE_NS * np.arange(candles, dtype=np.int64), **made}


def _persistent(shocks: np.ndarray) -> np.ndarray:
    value, values = 0.0, np.empty(len(shocks))
    for i, shock in enumerate(shocks.tolist()):
        value = PERSISTENCE * value + shock
        values[i] = value
    return values


def amount_of(k: int) -> float:
    """Units in one order of instrument k: worth about 30,000 at its first price."""
    return float(max(1, round(30000.0 / FIRST_PRICES[k])))


def arrays(folder: Path, instruments: int, candles: int) -> dict[str, np.ndarray]:
    """``open high low close volume``, shape (instruments, candles), and ``time`` in ms, in memory."""
    read = {"time": np.load(folder / "ts.npy")[:candles] // 10**6}
    for field in FIELDS:
        stored = np.load(folder / f"{field[0]}.npy", mmap_mode="r")
        read[field] = np.array(stored[:instruments, :candles])
    return read


def frames(folder: Path, names: list[str], candles: int) -> dict:
    """A polars frame per instrument, as ``planar.backtest`` takes them."""
    import polars as pl

    read = arrays(folder, len(names), candles)
    return {
        name: pl.DataFrame({"time": read["time"], **{field: read[field][k] for field in FIELDS}})
        for k, name in enumerate(names)
    }
