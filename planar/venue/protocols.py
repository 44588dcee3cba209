"""What the venue speaks: Binance's spot protocol, or that of its USDⓈ-M futures."""

from collections.abc import Mapping
from dataclasses import dataclass

from planar.venue import about, private, public
from planar.venue.api import Endpoint
from planar.venue.limits import Limits
from planar.venue.streams import Streams
from planar.venue.usdm import algo, positions
from planar.venue.usdm import private as usdm_private
from planar.venue.usdm import public as usdm_public
from planar.venue.usdm.streams import ContractStreams
from planar.venue.usdm.user_stream import ContractUserStreams
from planar.venue.user_stream import UserStreams
from planar.venue.ws_api import METHODS, Methods


@dataclass(frozen=True)
class Protocol:
    """What one kind of market is spoken of in: requests, streams, and how much of both is allowed.

    methods: of the WebSocket API, which is at session_path.
    """

    endpoints: Mapping[tuple[str, str], Endpoint]
    streams: type[Streams]
    users: type[UserStreams]
    limits: Limits
    methods: Methods
    session_path: str


SPOT = Protocol(
    {**about.ENDPOINTS, **public.ENDPOINTS, **private.ENDPOINTS}, Streams, UserStreams, Limits(), METHODS, "/ws-api/v3"
)
USDM = Protocol(
    {
        **about.SHARED,
        ("GET", "/api/v3/exchangeInfo"): Endpoint(about.nothing_listed, 20),
        **usdm_public.ENDPOINTS,
        **usdm_private.ENDPOINTS,
        **algo.ENDPOINTS,
        **positions.ENDPOINTS,
    },
    ContractStreams,
    ContractUserStreams,
    Limits(weight=2_400, orders_10s=300, orders_minute=1_200),
    usdm_private.METHODS,
    "/ws-fapi/v1",
)
