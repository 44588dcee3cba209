"""Taking secrets out of texts that others wrote: CCXT's errors quote addresses with keys and signatures in them."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from planar.config.secrets import MASK, Secret

USER_PART = re.compile(r"(\w+://)[^\s/'\"]*@")
QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")
FIELDS = re.compile(
    r"""(?i)\b(signature|sign|api[-_]?key|x-mbx-apikey|api-sign|secret|passphrase|password|token|authorization|listenkey)"""
    r"""(["']?\s*[=:]\s*["']?)(?:bearer\s+)?[^\s&"',}]+"""
)


def passwords_of(*addresses: str) -> list[Secret]:
    """What stands before the @ of addresses, whole and behind its colon, as written and as meant."""
    users = [address.partition("://")[2] or address for address in addresses]
    users = [user.rpartition("@")[0] for user in users if "@" in user]
    found = {part for user in users for part in (user, user.partition(":")[2])}
    return [Secret(each) for part in found for each in {part, unquote(part)} if each]


class Scrubber:
    """Knows the secrets of one account."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = tuple(secrets)

    def text(self, text: str) -> str:
        """The text without secrets, and without the queries of addresses."""
        for secret in self._secrets:
            for form in {secret.reveal(), repr(secret.reveal())[1:-1]}:
                text = text.replace(form, MASK) if len(form) >= 4 else text
        text = USER_PART.sub(rf"\1{MASK}@", text)
        text = QUERY.sub(r"\1", text)
        return FIELDS.sub(rf"\1\2{MASK}", text)

    def clean(self, error: BaseException) -> bool:
        """Takes secrets out of an error and out of those that it came from: a traceback prints them all.

        Those that keep their words elsewhere than in ``args`` are cut off. Gives whether the error itself may be shown.
        """
        one, above, seen = error, None, set[int]()
        while one is not None and id(one) not in seen:
            seen.add(id(one))
            one.args = tuple(self.text(each) if isinstance(each, str) else each for each in one.args)
            if self.text(str(one)) != str(one):
                if above is None:
                    return False
                above.__cause__ = above.__context__ = None
                return True
            one, above = one.__cause__ or one.__context__, one
        return True
