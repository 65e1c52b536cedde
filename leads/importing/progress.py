"""How far an import is: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from leads.importing.sources.reader import Source

BAR = 30  # characters
EVERY = 0.2  # seconds between two drawings of the bar
EVERY_PLAIN = 10.0  # seconds between two plain lines


class Meter:
    """Called with the number of rows read so far; estimates the total from the part of the file that was read."""

    def __init__(self, out: Any, sources: Sequence[Source], quiet: bool) -> None:
        self.out, self.sources, self.quiet = out, sources, quiet
        self.terminal = bool(getattr(out, "isatty", lambda: False)())
        self.started = self.drawn = time.monotonic()
        self.rows = self.last = 0
        self.position = self.behind = 0  # bytes of the current file, and of those before it

    def __call__(self, read: int, position: int) -> None:
        """``read`` rows and ``position`` bytes of the current file; fewer rows than before begin the next file."""
        if read < self.last:
            self.behind += self.position
            self.last = 0
        self.rows += read - self.last
        self.last, self.position = read, position
        now = time.monotonic()
        if self.quiet or now - self.drawn < (EVERY if self.terminal else EVERY_PLAIN):
            return
        self.drawn = now
        try:
            self._draw(self.rows / (now - self.started))
        except OSError:
            self.quiet = True  # nobody watches any more, which is no reason to stop

    def _draw(self, rate: float) -> None:
        done = self._done()
        line = f"{self.rows:,} rows, {rate:,.0f} a second"
        if done:
            left = (time.monotonic() - self.started) * (1 - done) / done
            line += f", {done:.0%}, {left:,.0f} s left"
        if not self.terminal:
            self.out.write(line)
            return
        filled = round(BAR * (done or 0))
        self.out.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {line}\x1b[K", ending="")

    def _done(self) -> float | None:
        whole, read = sum(source.size for source in self.sources), self.behind + self.position
        return min(1.0, read / whole) if whole and read else None

    def close(self) -> None:
        """Leave the line of the bar."""
        if self.terminal and not self.quiet:
            with suppress(OSError):
                self.out.write("")
