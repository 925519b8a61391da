"""How many queries may run at once, and how many one client may send: what comes beyond is told when to come again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from mskgraph.errors import Busy

_KNOWN = 10_000  # addresses; who has been silent for longest has its budget full again anyway


@dataclass
class _Client:
    """An address.

    :ivar left: requests that it may send at once, as of ``since``
    :ivar slots: how many of its queries may run at once
    """

    left: float
    since: float
    slots: asyncio.Semaphore


class Gate:
    """Lets so many in at once, keeps some waiting for a while, and sends the others away.

    :param running: how many are let in at once; all but one of them may be from one address
    :param waiting: how many may wait
    :param patience: seconds that they wait
    :param rate: how many a second one address may send for long
    :param burst: how many it may send at once
    :param clock: seconds, for tests
    """

    def __init__(
        self,
        running: int = 2 * (os.cpu_count() or 1),
        waiting: int = 100,
        patience: float = 5.0,
        rate: float = 100.0,
        burst: int = 400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._running, self._places, self._patience = running, waiting, patience
        self._rate, self._burst, self._clock = rate, burst, clock
        self._slots = asyncio.Semaphore(running)
        self._clients: OrderedDict[str, _Client] = OrderedDict()  # by address, the one longest silent first

    @asynccontextmanager
    async def inside(self, address: str) -> AsyncIterator[None]:
        """Wait to be let in, and stay in.

        :param address: of the client
        :raises Busy: if there is no room, or the address has sent too many
        """
        own = self._counted(address).slots
        if self._places == 0:
            raise Busy
        async with AsyncExitStack() as held:
            self._places -= 1
            try:
                async with asyncio.timeout(self._patience):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._slots)
            except TimeoutError:
                raise Busy from None
            finally:
                self._places += 1
            yield

    def _counted(self, address: str) -> _Client:
        now = self._clock()
        client = self._clients.pop(address, None)
        if client is None:
            client = _Client(float(self._burst), now, asyncio.Semaphore(max(1, self._running - 1)))
        self._clients[address] = client
        while len(self._clients) > _KNOWN:
            self._clients.popitem(last=False)
        client.left = min(float(self._burst), client.left + (now - client.since) * self._rate)
        client.since = now
        if client.left < 1:
            raise Busy(1)
        client.left -= 1
        return client
