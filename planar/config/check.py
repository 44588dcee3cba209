"""One value against its setting."""

import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import tomlkit
from tomlkit.exceptions import TOMLKitError

from planar.errors import ConfigError

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


USER_PART = re.compile(r"^(\w+://)?.*@", re.DOTALL)
"""Of an address; it may hold a password."""

MASK = "••••••"


def masked(text: str) -> str:
    """A text without what stands before an @, as in an address with a password."""
    return USER_PART.sub(rf"\1{MASK}@", text)


def checked(one: Field, value: Any, place: str) -> Any:
    """The value as the setting's type keeps it. place: file, section and key, for the error."""
    kind: Any = one.type
    least = one.metadata["at_least"]
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise _wrong(one, value, place, "one of " + ", ".join(repr(each) for each in get_args(kind)))
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise _wrong(one, value, place, 'a list of texts, as in ["main", "hedge"]')
        return tuple(value)
    if get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise _wrong(one, value, place, "a table, as in {fast = 12}")
        return dict(value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise _wrong(one, value, place, WORDS[kind])
    if kind in (int, float) and not value >= least:
        raise _wrong(one, value, place, f"at least {least:g}")
    if kind in (int, float) and value > one.metadata["at_most"]:
        raise _wrong(one, value, place, f"at most {one.metadata['at_most']:.0f}")
    if one.metadata["unit"] == "fraction" and not value < 1.0:
        raise _wrong(one, value, place, "a fraction below 1")
    if one.metadata["is_address"] and value and not _is_address(str(value)):
        raise _wrong(one, value, place, "an address with scheme, host and port, as in 'http://127.0.0.1:8080'")
    return value


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname and parts.port) and not re.search(r"\s", text)
    except ValueError:
        return False


def parsed(one: Field, text: str) -> Any:
    """What a text of the environment or the command line means for that setting; `checked` judges it."""
    if one.type is bool:
        lowered = text.strip().lower()
        return True if lowered in TRUE else False if lowered in FALSE else text
    if one.type in (int, float):
        try:
            return int(text) if one.type is int else float(text)
        except ValueError:
            return text
    if get_origin(one.type) is tuple:
        listed = of_toml(text) if text.strip().startswith("[") else None
        return listed if isinstance(listed, list) else [part.strip() for part in text.split(",") if part.strip()]
    return of_toml(text) if get_origin(one.type) is Mapping else text


def of_toml(text: str) -> Any:
    """What a text means where a file has a value; the text itself where it is none."""
    try:
        return tomlkit.parse(f"value = {text}").unwrap()["value"]
    except TOMLKitError:
        return text


def _wrong(one: Field, value: Any, place: str, wanted: str) -> ConfigError:
    unit = f" ({one.metadata['unit']})" if one.metadata["unit"] else ""
    value = masked(value) if isinstance(value, str) else value
    return ConfigError(f"{place} = {value!r} must be {wanted}{unit}. {one.metadata['help']}")
