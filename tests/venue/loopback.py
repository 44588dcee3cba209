"""A session for ccxt that reaches the venue under the exchange's real addresses, and nothing else."""

from urllib.parse import urlsplit

import aiohttp


class Loopback:
    """Sends what goes to Binance's hosts to the venue; any other host is refused."""

    HOSTS = (
        "api.binance.com", "stream.binance.com:9443", "ws-api.binance.com:443", "ws-api.binance.com",
        "fapi.binance.com", "fstream.binance.com", "ws-fapi.binance.com",
    )  # fmt: skip

    def __init__(self, port: int) -> None:
        self.port = port
        self.session = aiohttp.ClientSession()
        self.cookie_jar, self.headers = self.session.cookie_jar, self.session.headers
        self.sent: list[tuple[str, str]] = []

    def _local(self, url: object) -> str:
        parts = urlsplit(str(url))
        if parts.netloc not in self.HOSTS:
            raise AssertionError(f"a test must not leave loopback: {url}")
        scheme = "ws" if parts.scheme.startswith("ws") else "http"
        return f"{scheme}://127.0.0.1:{self.port}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def _request(self, method: str, url, **options):
        from yarl import URL

        self.sent.append((method, urlsplit(str(url)).path))
        options.pop("proxy", None)
        return self.session.request(method, URL(self._local(url), encoded=True), **options)

    def get(self, url, **options):
        return self._request("GET", url, **options)

    def post(self, url, **options):
        return self._request("POST", url, **options)

    def put(self, url, **options):
        return self._request("PUT", url, **options)

    def delete(self, url, **options):
        return self._request("DELETE", url, **options)

    def patch(self, url, **options):
        return self._request("PATCH", url, **options)

    def ws_connect(self, url, **options):
        options.pop("proxy", None)
        return self.session.ws_connect(self._local(url), **options)

    async def close(self) -> None:
        await self.session.close()
