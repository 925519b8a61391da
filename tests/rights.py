"""Folders that somebody without the rights of root may or may not write."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_anybody() -> Iterator[None]:
    """Go on without the rights of root, which no mode of a folder stops."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def folder_for_anybody() -> Iterator[Path]:
    """Make a folder that anybody may look into, and take it away whatever its modes are by then."""
    with tempfile.TemporaryDirectory(prefix="mskgraph-journal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755)
