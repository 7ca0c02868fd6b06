"""Text files as people have them: with or without a byte order mark, in UTF-8, UTF-16 or Windows' code page."""

from __future__ import annotations

import codecs
import re

from tgvac.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters that no text has, and the five bytes that Windows' code page 1252 does not define.
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")


def read_text(data: bytes, name: str) -> str:
    """Decode a text file; ends of lines become ``\\n``.

    A byte order mark decides; else UTF-8; else code page 1252, which older Windows writes and which includes Latin-1's
    letters.

    Args:
        name: used in messages.

    Raises:
        BadInput: when it is no text.
    """
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data.decode("cp1252", errors="ignore") if encoding == "utf-8" else ""
        if not text or len(text) < len(data) or _NO_TEXT.search(text):
            raise BadInput(f"{name} is not a text in UTF-8 ({error.reason}); save it as UTF-8.") from None
    if "\x00" in text:
        raise BadInput(f"{name} is not a text: it has zero bytes; save it as UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(data: bytes, name: str) -> list[str]:
    """The lines of a list, without the spaces around them; empty lines and those that begin with # are left out."""
    lines = (line.strip() for line in read_text(data, name).split("\n"))
    return [line for line in lines if line and not line.startswith("#")]
