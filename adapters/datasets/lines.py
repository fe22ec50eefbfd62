"""Lines of text files, plain or gzipped, every one bounded and numbered."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LONGEST_LINE = 1_000_000
LONGEST_NAME = 200


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, with the words that name its place. Raises ValueError that names the place."""
    try:
        with _opened(path) as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                where = f"{path.name}, line {number}"
                if len(line) > LONGEST_LINE:
                    raise ValueError(f"{where}: longer than {LONGEST_LINE:,} characters")
                if text := line.strip("\r\n"):
                    yield where, text
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name}: not a whole gzip file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: not UTF-8 text") from None


def name(where: str, field: str, text: str) -> str:
    """An item's or person's name as it stands. Raises ValueError."""
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{where}: {field} is not 1 to {LONGEST_NAME} printable characters")
    return text


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")
