"""The start of what an answer prints: all that is ever shown of it."""

import io
import os

PRINTED = 400  # characters of what an answer prints


class FirstWords(io.TextIOBase):
    """Keeps the start of what is printed, however much it is; also in a file, if there is one."""

    def __init__(self, file: int | None = None, room: int = PRINTED) -> None:
        super().__init__()
        self.kept, self.file, self.room = "", file, room

    def write(self, text: str) -> int:
        """Keep the first characters."""
        room = self.room - len(self.kept)
        if len(text) > room > 0:
            text = text[: room - 1] + "…"
        fits = text[: max(0, room)]
        if fits and self.file is not None:
            os.write(self.file, fits.encode(errors="replace"))
        self.kept += fits
        return len(text)
