"""A session whose requests to an exchange's hosts go to another address, and those to any other host nowhere.

CCXT keeps its real addresses, since it tells errors apart by them; only the wire is bent. It serves ``base_url``, the
local venue and the tests: a host that was not named is refused, so nothing leaves by accident.
"""

from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

import aiohttp
from yarl import URL

from planar.config.check import masked
from planar.errors import ConfigError

WEB_SOCKET = {"http": "ws", "https": "wss"}


class MappedSession:
    """As much of an `aiohttp.ClientSession` as CCXT uses, around one."""

    def __init__(self, hosts: Collection[str], base_url: str) -> None:
        """hosts: those that are mapped. base_url: where to, a path in front included."""
        self.base = checked_base(base_url)
        self.hosts = frozenset(hosts)
        self.inner = aiohttp.ClientSession()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.inner.closed

    @property
    def connector(self) -> Any:
        """The pool of connections."""
        return self.inner.connector

    @property
    def headers(self) -> Any:
        """What goes with every request."""
        return self.inner.headers

    @property
    def cookie_jar(self) -> Any:
        """The cookies."""
        return self.inner.cookie_jar

    def mapped(self, url: URL | str, *, is_socket: bool = False) -> URL:
        """Where a request really goes. Raises ConfigError when its host is not one of those mapped."""
        url = URL(url, encoded=True) if isinstance(url, str) else url
        if url.host not in self.hosts:
            known = _listed(self.hosts)
            raise ConfigError(
                f"a request to {url.host} was refused: base_url = {str(self.base)!r} is for {known} only."
            )
        scheme = WEB_SOCKET[self.base.scheme] if is_socket else self.base.scheme
        path = self.base.raw_path.rstrip("/") + url.raw_path
        return URL.build(
            scheme=scheme,
            host=self.base.host or "",
            port=self.base.port,
            path=path,
            query_string=url.raw_query_string,
            encoded=True,
        )

    def get(self, url: URL | str, **options: Any) -> Any:
        """A GET request."""
        return self.inner.get(self.mapped(url), **options)

    def post(self, url: URL | str, **options: Any) -> Any:
        """A POST request."""
        return self.inner.post(self.mapped(url), **options)

    def put(self, url: URL | str, **options: Any) -> Any:
        """A PUT request."""
        return self.inner.put(self.mapped(url), **options)

    def delete(self, url: URL | str, **options: Any) -> Any:
        """A DELETE request."""
        return self.inner.delete(self.mapped(url), **options)

    def patch(self, url: URL | str, **options: Any) -> Any:
        """A PATCH request."""
        return self.inner.patch(self.mapped(url), **options)

    def ws_connect(self, url: URL | str, **options: Any) -> Any:
        """A web socket."""
        return self.inner.ws_connect(self.mapped(url, is_socket=True), **options)

    def detach(self) -> None:
        """Lets go of the connections without closing them."""
        self.inner.detach()

    async def close(self) -> None:
        """Closes all connections."""
        await self.inner.close()


def checked_base(base_url: str) -> URL:
    """The address as a URL. Raises ConfigError when keys would travel over it in the clear."""
    shown = masked(base_url)
    try:
        url = URL(base_url)
    except ValueError:
        url = URL()
    if url.scheme not in WEB_SOCKET or not url.host or url.query_string:
        example = f"http://{shown}" if "://" not in base_url else "http://127.0.0.1:8080"
        raise ConfigError(f"base_url = {shown!r} is no address; it begins with http:// or https://, as {example!r}.")
    if url.raw_user is not None or url.raw_password is not None:
        raise ConfigError(f"base_url = {shown!r} names a user, and no exchange asks for one there. Leave that out.")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ConfigError(
            f"base_url = {shown!r} would send keys in the clear; only an address of this machine may be plain "
            "http. Write https."
        )
    return url


def hosts_of(urls: Any, hostname: str = "") -> frozenset[str]:
    """Every host that stands in CCXT's ``urls``. hostname: what it writes for ``{hostname}``."""
    return frozenset(host for text in _texts(urls) if (host := URL(text.replace("{hostname}", hostname)).host))


def host_of(addresses: Any, api: str) -> str:
    """The host of one part of an exchange, of CCXT's ``urls["api"]``; empty where it is not told by part."""
    found = addresses.get(api) if isinstance(addresses, Mapping) else addresses
    return (URL(found).host or "") if isinstance(found, str) else ""


def _texts(urls: Any) -> Iterator[str]:
    if isinstance(urls, str):
        yield urls
    elif isinstance(urls, Mapping):
        for inner in urls.values():
            yield from _texts(inner)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listed(hosts: Collection[str]) -> str:
    shown = sorted(hosts)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
