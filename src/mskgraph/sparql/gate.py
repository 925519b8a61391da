"""How many queries may run at once, and how many one client may send: what comes beyond is told when to come again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from math import ceil

from mskgraph.errors import Busy

_KNOWN = 10_000  # addresses; who has been silent for longest has its budget full again anyway


@dataclass
class _Client:
    """An address.

    :ivar left: what it may send at once, as of ``since``
    :ivar slots: how many of its queries may run at once
    """

    left: float
    since: float
    slots: asyncio.Semaphore


class Budget:
    """How much one address may send: so much at once, and so much a second for long.

    :param rate: how much a second
    :param burst: how much at once
    :param slots: how many of its queries may run at once
    :param clock: seconds, for tests

    >>> budget = Budget(rate=0.5, burst=1, clock=lambda: 0.0)
    >>> slots = budget.spend("127.0.0.1")
    >>> budget.check("127.0.0.1")
    Traceback (most recent call last):
      ...
    mskgraph.errors.Busy: Too many queries are running. Try again in a moment.
    """

    def __init__(self, rate: float, burst: int, slots: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._slots, self._clock = rate, burst, slots, clock
        self._clients: OrderedDict[str, _Client] = OrderedDict()  # by address, the one longest silent first

    def check(self, address: str) -> _Client:
        """Return an address that may send something.

        :raises Busy: if it has sent too much
        """
        now = self._clock()
        client = self._clients.pop(address, None)
        if client is None:
            client = _Client(float(self._burst), now, asyncio.Semaphore(self._slots))
        self._clients[address] = client
        while len(self._clients) > _KNOWN:
            self._clients.popitem(last=False)
        client.left = min(float(self._burst), client.left + (now - client.since) * self._rate)
        client.since = now
        if client.left < 1:
            raise Busy(ceil((1 - client.left) / self._rate))
        return client

    def spend(self, address: str) -> asyncio.Semaphore:
        """Count one that an address has sent, and return what holds how many of its queries may run.

        :raises Busy: if it has sent too much
        """
        client = self.check(address)
        client.left -= 1
        return client.slots


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
        self._places, self._patience = waiting, patience
        self._budget = Budget(rate, burst, max(1, running - 1), clock)
        self._slots = asyncio.Semaphore(running)

    @asynccontextmanager
    async def inside(self, address: str) -> AsyncIterator[None]:
        """Wait to be let in, and stay in.

        :param address: of the client
        :raises Busy: if there is no room, or the address has sent too many
        """
        own = self._budget.spend(address)
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
