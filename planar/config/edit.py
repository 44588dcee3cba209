"""Changing one setting in ``user/planar.toml``; comments and order stay."""

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit import TOMLDocument

from planar.config.check import of_toml, parsed
from planar.config.files import read_toml, write_atomically
from planar.config.load import FOLDER, Place, load_content, place_of
from planar.config.names import canonical
from planar.config.settings import spellings


def set_value(name: str, text: str, folder: Path = FOLDER) -> tuple[Any, Any]:
    """Sets ``"binance.timeout"`` or ``"strategies.sma_cross.params.fast"``; gives what was and what is.

    Nothing is written unless the whole file is right afterwards.
    Raises ConfigError naming the setting and the remedy.
    """
    path = folder / "planar.toml"
    document = read_toml(path)
    content = document.unwrap()
    # strategies.NAME.params.fast names a key inside of a setting.
    words = name.split(".")
    inner = words[3] if len(words) == 4 and (words[0], words[2]) == ("strategies", "params") else ""
    section, kind, one = place_of(name.removesuffix(f".{inner}") if inner else name, content)
    table = _table(document, section)
    keys = [key for key, each in spellings(kind).items() if each.name == one.name and key in table]
    key, value = keys[0] if keys else one.name, of_toml(text) if inner else parsed(one, text)
    if inner:
        table, key = table.setdefault(key, tomlkit.table()), inner
    before = table.unwrap().get(key)
    table[key] = value
    load_content(document.unwrap(), str(path))
    write_atomically(path, tomlkit.dumps(document))
    return before, table.unwrap()[key]


def _table(document: TOMLDocument, section: Place) -> Any:
    """The table of a section as the file spells it, or a new one at its end."""
    table: Any = document
    words = list(section)
    if words[0] == "exchanges":
        inner = document.get("exchanges", {})
        here = next((key for holder in (document, inner) for key in holder if canonical(key) == words[1]), None)
        if here is not None and here in inner:
            table = inner
        words = [here or words[1], *words[2:]]
    for word in words:
        if word not in table:
            table[word] = tomlkit.table()
        table = table[word]
    return table
