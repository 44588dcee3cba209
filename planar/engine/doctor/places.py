"""Which exchanges are looked at: the demo, those that are configured, those that there are keys of."""

from collections.abc import Sequence
from pathlib import Path

from planar.config.load import FOLDER, load
from planar.config.names import DEMO, exchange_id
from planar.config.secrets import Key, load_secrets


def places(names: Sequence[str] = (), folder: Path = FOLDER) -> list[Key]:
    """Exchange, environment and account of each; all of them when none is named.

    Where the settings say that an exchange is its test environment, there is no other.
    """
    config = load(folder)
    keys = load_secrets(folder, custom=config.custom).by_key
    known = {DEMO: None, **dict.fromkeys(sorted({*config.settings.exchanges, *(key[0] for key in keys)}))}
    found: list[Key] = []
    for id in dict.fromkeys(exchange_id(name, config.custom) for name in names) or known:
        is_test = config.settings.exchange(id).sandbox
        mine = sorted(key for key in keys if key[0] == id and (key[1] or not is_test))
        found += mine or [(id, is_test, "")]
    return found


def shown(key: Key) -> str:
    """``"binance"``, ``"binance (sandbox)"``, ``"binance/hedge"``, as exchanges call themselves."""
    id, is_test, account = key
    return id + (f"/{account}" if account else "") + (" (sandbox)" if is_test else "")
