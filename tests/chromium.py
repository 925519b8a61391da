"""The browser of the tests: ``find_chromium()`` finds it, ``python -m tests.chromium`` provides it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = (
    "--no-sandbox",  # the sandbox refuses root, which is who runs in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever a page asks of another host fails here as it would on a machine without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def find_chromium() -> Path | None:
    """The browser named by the variable CHROMIUM, else an installed one, else playwright's own download."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    with sync_playwright() as playwright:
        downloaded = Path(playwright.chromium.executable_path)
    return downloaded if downloaded.exists() else None


def provide_chromium() -> Path | None:
    """The browser, installed if there is none: from Debian's packages, else as playwright's download."""
    if found := find_chromium():
        return found
    if shutil.which("apt-get"):
        run_as_root(["apt-get", "update", "-qq"])
        packages = ["chromium", "fonts-dejavu-core"]
        run_as_root(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages])
        if found := find_chromium():
            return found
    run([sys.executable, "-m", "playwright", "install", "chromium"])
    return find_chromium()


def run_as_root(command: Sequence[str]) -> None:
    if os.geteuid() == 0:
        run(["env", "DEBIAN_FRONTEND=noninteractive", *command])
    elif shutil.which("sudo"):
        run(["sudo", "env", "DEBIAN_FRONTEND=noninteractive", *command])


def run(command: Sequence[str]) -> None:
    """Run one attempt; whether it helped is seen by looking for the browser again."""
    print("+", *command, file=sys.stderr, flush=True)
    subprocess.run(command, check=False, stdout=sys.stderr)


def main() -> int:
    if provide_chromium():
        return 0
    print(
        "No Chromium found, and none could be installed. Install one (on Debian: apt-get install chromium), "
        "or name it: CHROMIUM=/path/to/chromium make test",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
