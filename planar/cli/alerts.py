"""``planar alerts test``: whether alerts arrive."""

import asyncio

from cyclopts import App

from planar.cli.answer import say, say_json
from planar.cli.options import Json
from planar.errors import ConfigError

app = App(name="alerts", help="Messages of sessions to a webhook and to Telegram.")


@app.command(name="test")
def check(*, json: Json = False) -> None:
    """Send a message to every channel that is configured, and say whether it arrived."""
    from planar.config.load import load
    from planar.config.secrets import load_secrets
    from planar.engine.session.alerts import Alerts

    config = load()
    keys = load_secrets(custom=config.custom).alerts

    async def work() -> dict[str, str]:
        async with Alerts(config.settings.alerts, keys, "planar") as alerts:
            return dict(await alerts.try_all("planar: this is a test of its alerts."))

    told = asyncio.run(work())
    if not told:
        raise ConfigError(
            "no alerts are configured: put webhook or telegram_token below [alerts] in user/secrets.toml."
        )
    failed = [why for why in told.values() if why]
    if failed:
        raise ConfigError(f"{'; '.join(failed)}. Mend [alerts] in user/secrets.toml and user/planar.toml.")
    if json:
        say_json(dict.fromkeys(told, "sent"))
        return
    for name in told:
        say(f"{name}: sent")
