"""Tables of requests from published files: CSV, JSON, JSON lines, Parquet, ``Request(...)`` lines, compressed or not."""

from __future__ import annotations

import ast
import bz2
import gzip
import io
import json
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.workload.trace import TraceError

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class TraceTable:
    """Rows of a file, and where in the file they stand.

    Parameters
    ----------
    path
        The file.
    rows
        One row a record, index 0, 1, ...; texts of CSV files are not interpreted.
    lines
        By row, its line in the (unpacked) text; empty if the file is not text by lines.
    """

    path: Path
    rows: pd.DataFrame
    lines: tuple[int, ...] = ()

    def error(self, row: int, column: str, value: object, fault: str) -> TraceError:
        """Say what is wrong with a value, and where."""
        where = f"line {self.lines[row]}" if self.lines else f"row {row + 1}"
        return TraceError(f"{self.path}, {where}, column {column}: {str(value)!r} {fault}")


def read_table(path: Path | str) -> TraceTable:
    """Read a file of records; what it is shows from its content, and its compression from its name.

    Raises
    ------
    TraceError
        If it cannot be unpacked or understood; the message names the file and, in texts, the line.
    OSError
        If it cannot be read.
    """
    import pandas as pd

    path = Path(path)
    data = _unpacked(path)
    if data[:4] == _PARQUET:
        frame = pd.read_parquet(io.BytesIO(data))
        return TraceTable(path, frame.reset_index(drop=True))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TraceError(
            f"{path}: neither UTF-8 text nor Parquet ({error.reason} at byte {error.start}); .gz, .tar.gz, .zst, .bz2 and "
            ".xz are unpacked by their name"
        ) from None
    start = text.lstrip()[:1]
    if not start:
        raise TraceError(f"{path}: empty; a table with one request a row is needed")
    if text.lstrip().startswith("Request("):
        return _by_lines(path, text, _call)
    if start in "{[":
        whole = _whole_json(path, text)
        return _by_lines(path, text, json.loads) if whole is None else whole
    return _csv(path, text)


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    name = path.name.lower()
    try:
        if name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
            return _only_member(path, data)
        if name.endswith(".gz"):
            return gzip.decompress(data)
        if name.endswith(".bz2"):
            return bz2.decompress(data)
        if name.endswith(".xz"):
            return lzma.decompress(data)
        if name.endswith((".zst", ".zstd")):
            import pyarrow as pa

            return bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read())
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as error:
        raise TraceError(f"{path}: cannot be unpacked ({error}); its name says that it is compressed") from None
    return data


def _only_member(path: Path, data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and not Path(m.name).name.startswith(".")]
        if len(members) != 1:
            names = ", ".join(m.name for m in members) or "none"
            raise TraceError(f"{path}: the archive has the files {names}; unpack it and give one of them")
        file = archive.extractfile(members[0])
        return b"" if file is None else file.read()


def _csv(path: Path, text: str) -> TraceTable:
    import csv

    import pandas as pd

    source = text.splitlines(keepends=True)
    skipped = 0
    while skipped < len(source) and (source[skipped].startswith("#") or not source[skipped].strip()):
        skipped += 1
    header_text = source[skipped] if skipped < len(source) else ""
    separator = max(",\t;", key=header_text.count)
    reader = csv.reader(source[skipped:], delimiter=separator)
    header = [column.strip() for column in next(reader, [])]
    records, lines = [], []
    for fields in reader:
        if any(field.strip() for field in fields):
            if len(fields) > len(header):
                raise TraceError(
                    f"{path}, line {skipped + reader.line_num}: {len(fields)} fields; the header has {len(header)} columns"
                )
            records.append([field.strip() for field in fields] + [""] * (len(header) - len(fields)))
            lines.append(skipped + reader.line_num)
    return TraceTable(path, pd.DataFrame(records, columns=header, dtype=object), tuple(lines))


def _whole_json(path: Path, text: str) -> TraceTable | None:
    """Read one JSON value: a list of objects, or an object that holds one; None if it is several values, by lines."""
    import pandas as pd

    try:
        value = json.loads(text)
    except ValueError:
        return None
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
        value = lists[0] if len(lists) == 1 else [value]
    if not all(isinstance(each, dict) for each in value):
        raise TraceError(f"{path}: a list of JSON objects is needed, one a request")
    return TraceTable(path, pd.DataFrame(value, dtype=object))


def _by_lines(path: Path, text: str, parse: Any) -> TraceTable:
    import pandas as pd

    records, lines = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = parse(line)
        except (ValueError, SyntaxError) as error:
            raise TraceError(f"{path}, line {number}: {line.strip()[:60]!r} cannot be read ({error})") from None
        if not isinstance(record, dict):
            raise TraceError(f"{path}, line {number}: {line.strip()[:60]!r} is no record of a request")
        records.append(record)
        lines.append(number)
    return TraceTable(path, pd.DataFrame(records, dtype=object), tuple(lines))


def _call(line: str) -> dict[str, Any]:
    """Read ``Request(name=value, ...)``, of literals alone."""
    tree = ast.parse(line.strip(), mode="eval").body
    if not isinstance(tree, ast.Call):
        raise ValueError("Request(name=value, ...) is needed")
    return {each.arg: ast.literal_eval(each.value) for each in tree.keywords if each.arg}
