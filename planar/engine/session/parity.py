"""How near sessions came to their simulation: what ``planar parity`` tells."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from planar.engine.session import archive
from planar.engine.session.attribution import Attribution, Share, attributed, judged, shares_of
from planar.engine.session.comparison import Pair
from planar.engine.session.listed import market_of
from planar.engine.session.market_candles import MarketCandles
from planar.engine.session.story import Story, story_of
from planar.errors import PlanarError
from planar.simulator.fill_model import FillModel
from planar.store.store import Store


@dataclass(frozen=True)
class Told:
    """A session, read: its name, its story, and the candles that it is judged on."""

    name: str
    story: Story
    market: MarketCandles

    @property
    def currency(self) -> str:
        """What its money is counted in."""
        return self.story.origin.instruments[0].quote

    def attribution(self, model: FillModel) -> Attribution:
        """Of the whole session, down to a backtest where its strategy can still be run."""
        return attributed(self.story, model, self.market, why_not_again(self.story))

    def since(self, model: FillModel, moment: int) -> tuple[list[Pair], list[Share]]:
        """Its orders from a moment on, UTC ms of its machine, and the causes between them and their shadows."""
        pairs, parts = judged(self.story, model, self.market, moment)
        return pairs, shares_of(parts)


async def told(folders: Iterable[Path], store: Path) -> list[Told]:
    """Sessions out of their folders, and what their markets list now.

    Raises ConfigError where there is none, with what was probably meant.
    """
    async with AsyncExitStack() as stack:
        stories = [(folder.name, story_of(archive.journal(folder))) for folder in folders]
        return [Told(name, story, await market_of(story, Store(store), stack)) for name, story in stories]


def active(folder: Path, since: int) -> list[Path]:
    """Folders of the sessions whose journals were written from a moment on, UTC ms."""
    return [folder / each.name for each in archive.sessions(folder) if each.last >= since]


def why_not_again(story: Story) -> str:
    """Why a session's strategy cannot be run again; empty where it can."""
    try:
        for _, code in story.codes:
            code.loaded(story.origin.strategy)
        return "" if story.codes else story.origin.check_code()
    except PlanarError as error:
        return str(error)
