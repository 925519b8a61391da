"""How many queries may run at once, and how many one client may send: what comes beyond is told when to come again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mskgraph.errors import Busy


class Gate:
    """Lets so many in at once, keeps some waiting for a while, and sends the others away.

    :param running: how many are let in at once
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
        self._slots = asyncio.Semaphore(running)
        self._places, self._patience = waiting, patience
        self._rate, self._burst, self._clock = rate, burst, clock
        self._budgets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by address: what is left, as of when

    @asynccontextmanager
    async def inside(self, address: str) -> AsyncIterator[None]:
        """Wait to be let in, and stay in.

        :param address: of the client
        :raises Busy: if there is no room, or the address has sent too many
        """
        self._count(address)
        if self._places == 0:
            raise Busy
        self._places -= 1
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._places += 1
        try:
            yield
        finally:
            self._slots.release()

    def _count(self, address: str) -> None:
        now = self._clock()
        left, since = self._budgets.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._rate)
        self._budgets[address] = (max(left - 1, 0.0), now)
        while len(self._budgets) > 10_000:  # the longest silent ones have their budget full again anyway
            self._budgets.popitem(last=False)
        if left < 1:
            raise Busy(1)
