"""Which of the forms that there are a client wants most (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 10_000  # characters of a header that are worth reading


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """Return the media type that an ``Accept`` header asks for; ``None`` if none of those offered will do.

    Each offer has the quality of the most particular range that it falls under. The highest quality wins; of equal ones
    that whose range stands first, and under one range the first offer.

    >>> offers = ["text/html", "text/turtle", "application/ld+json"]
    >>> preferred("text/turtle", offers), preferred("*/*", offers), preferred("image/png", offers)
    ('text/turtle', 'text/html', None)
    >>> preferred("text/html;q=0.5, application/ld+json", offers), preferred("text/*, text/html;q=0", offers)
    ('application/ld+json', 'text/turtle')
    """
    ranges = [_range(part) for part in (accept.strip() or "*/*")[:_LONGEST].split(",")]
    ranked = []
    for number, offer in enumerate(offers):
        fitting = [
            (-pattern.count("*"), -place, quality)
            for place, (pattern, quality) in enumerate(ranges)
            if pattern in (offer, offer.partition("/")[0] + "/*", "*/*")
        ]
        if fitting:
            _, place, quality = max(fitting)
            if quality > 0:
                ranked.append((-quality, -place, number, offer))
    return min(ranked)[-1] if ranked else None


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((p.partition("=")[2] for p in parameters if p.startswith("q=")), "1")
    return name, float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
