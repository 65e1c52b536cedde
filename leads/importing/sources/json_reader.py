"""JSON Lines, and arrays of JSON objects of any length, an object at a time."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from crm_project.validation import FieldError
from leads.importing.sources.rows import BadRow, Record, Unreadable, all_blank, clean_header
from leads.importing.sources.source_file import MAX_LINE, SourceFile

LOOK_AHEAD = 1_000  # objects whose keys make the header
DEEPEST = 100  # values within values; Python itself gives up when it is to write a thousand
_opening = re.compile(r"[ \t\r\n]*\[[ \t\r\n]*(\])?")
_space = re.compile(r"[ \t\r\n]*")
_after_value = re.compile(r"[ \t\r\n]*([,\]])")


class JsonReader:
    """The keys of the first objects as a header and, at each iteration, the records; raises ``Unreadable``.

    A key that occurs only later is an error of its row, never dropped. A record's line is its line in JSON Lines, or
    its place in an array.
    """

    def __init__(self, content: SourceFile, encoding: str, lines: bool) -> None:
        self.content = content
        self.encoding = encoding
        self.read = self._lines if lines else self._array
        first = list(islice(self.read(), LOOK_AHEAD))
        if lines and first and isinstance(first[0][1], FieldError):
            raise Unreadable(f"{content.name}: its first line is no JSON object. JSON Lines has one object a line.")
        keys = dict.fromkeys(key for _, value in first if isinstance(value, dict) for key in value)
        if not keys:
            raise Unreadable(f"{content.name} holds no JSON objects with fields.")
        clean_header(keys)
        self.header = list(keys)

    def __iter__(self) -> Iterator[Record]:
        known, header = frozenset(self.header), self.header
        for line, value in self.read():
            if not isinstance(value, dict):
                problem = value if isinstance(value, FieldError) else _not_an_object(value)
                yield line, BadRow([problem.input], problem)
            elif not value.keys() <= known:
                late = [key for key in value if key not in known]
                cells = [*map(value.get, header), *(value[key] for key in late)]
                yield line, BadRow(cells, *(_late(key, value[key]) for key in late))
            else:
                cells = list(map(value.get, header))
                if not all_blank(cells):
                    yield line, cells

    @property
    def position(self) -> int:
        """Return the number of raw bytes read."""
        return self.content.position

    def _lines(self) -> Iterator[tuple[int, Any]]:
        with self.content.text(self.encoding) as text:
            for number, line in enumerate(text, 1):
                if line.isspace():
                    continue
                try:
                    yield number, _bounded(orjson.loads(line), line)
                except orjson.JSONDecodeError as error:
                    shown = line.strip()
                    yield number, FieldError("json_invalid", (), f"The line is not JSON: {error.msg}", shown[:200])

    def _array(self) -> Iterator[tuple[int, Any]]:
        with self.content.text(self.encoding) as text:
            yield from enumerate(_values(text, self.content.name), 1)


def _not_an_object(value: object) -> FieldError:
    return FieldError("not_an_object", (), "The row is not a JSON object", value)


def _late(key: str, value: object) -> FieldError:
    message = f"The field {key!r} is in none of the first {LOOK_AHEAD:,} rows, so it was not mapped"
    return FieldError("unknown_field", (key,), message, value)


def _bounded(value: Any, text: str) -> Any:
    """Return the value, or a problem if it is nested too deeply; ``text`` is its JSON."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return value
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [one for many in level for one in (many.values() if isinstance(many, dict) else many)]
        if not (level := [one for one in level if isinstance(one, list | dict)]):
            return value
    return FieldError("json_too_deep", (), f"The row nests values more than {DEEPEST} deep", text.strip()[:200])


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _values(text: Any, name: str) -> Iterator[Any]:
    """Yield the elements of the array in ``text``, which is read only as far as the next element."""
    decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
    buffer, count = text.read(65_536), 0
    opening = _opening.match(buffer)
    if not opening:
        raise Unreadable(f"{name} is not a JSON array: it does not start with a bracket.")
    if opening.group(1):
        return _check_end(buffer[opening.end() :], text, name)
    place = opening.end()
    while True:
        try:
            value, end = decode(buffer, _skip_space(buffer, place))
            after = _after_value.match(buffer, end)
            failure = "" if after else "expected a comma or the closing bracket"
        except (ValueError, RecursionError) as error:
            after, failure = None, getattr(error, "msg", None) or str(error)
        if after:
            count += 1
            yield _bounded(value, buffer[place:end])
            place = after.end()
            if after.group(1) == "]":
                return _check_end(buffer[place:], text, name)
            continue
        more = text.read(max(65_536, len(buffer) - place)) if len(buffer) - place < MAX_LINE else ""
        if not more:
            raise Unreadable(f"{name} is not a JSON array: at element {count + 1:,}, {failure}.")
        buffer, place = buffer[place:] + more, 0


def _check_end(rest: str, text: Any, name: str) -> None:
    while rest or (rest := text.read(65_536)):
        if not rest.isspace():
            raise Unreadable(f"{name} is not a JSON array: text follows its closing bracket.")
        rest = ""


def _skip_space(buffer: str, place: int) -> int:
    match = _space.match(buffer, place)
    return match.end() if match else place
