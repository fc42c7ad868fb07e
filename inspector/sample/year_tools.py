"""Outputs of tools in a simulated year: logs, tables, test runs, answers of interfaces, pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from inspector.sample.year_forms import COUNT_KEYS, FLAG_KEYS, MONTHS, NUMBER_KEYS, TEXT_KEYS
from inspector.sample.year_phrases import Shape, fill
from inspector.sample.year_texts import Project

Content: TypeAlias = str | dict[str, Any]
Column: TypeAlias = tuple[str, Sequence[Any]]

OUTPUT_CHARS_MIN, OUTPUT_CHARS_MAX = 600, 5_800
"""With room for what a repetition adds or leaves out: outputs have 500 to 6,000 characters."""
RECORDS = 4
"""Kinds of record that a project looks up."""
VALUES = 1_500

_LOGS = ("log", "log", "syslog", "access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a tool returned."""

    tool: str
    content: Content


def chars_of(content: Content) -> int:
    """Return how long a content is as text."""
    return len(content if isinstance(content, str) else orjson.dumps(content).decode())


class Toolbox:
    """The tools of one project, which looks up the same kinds of records again and again."""

    def __init__(self, rng: random.Random, project: Project) -> None:
        self._rng = rng
        self._random = rng.random
        self._project = project
        slots = project.slots
        self._counts = [int(number) for number in slots["i"][:VALUES]]
        self._numbers = [round(float(number), 3) for number in slots["f"][:VALUES]]
        self._records = [self._columns() for _ in range(RECORDS)]
        self._made: dict[str, Callable[[int, datetime], Content]] = {
            "json": self._json,
            "csv": self._csv,
            "sql": self._sql,
            "web": self._web,
        }

    def call(self, chars: int, at: datetime) -> Result:
        """Return the output of some tool, in about so many characters and within the limits."""
        tools = self._project.field.tools
        tool = tools[int(self._random() * len(tools))]
        if tool == "log":
            tool = _LOGS[int(self._random() * len(_LOGS))]
        make = self._made.get(tool)
        while True:
            content = self._printed(tool, chars, at) if make is None else make(chars, at)
            length = chars_of(content)
            if OUTPUT_CHARS_MIN <= length <= OUTPUT_CHARS_MAX:
                return Result(tool=tool, content=content)
            chars += 200 if length < OUTPUT_CHARS_MIN else OUTPUT_CHARS_MAX - length - 100

    def _printed(self, tool: str, chars: int, at: datetime) -> str:
        """Fill a form: its head and tail, and as many lines between as there is room for."""
        rng, output = self._rng, self._project.outputs[tool]
        lines = [fill(rng, [shape]) for shape in output.head]
        tail = [fill(rng, [shape]) for shape in (*output.middle, *output.tail)]
        room = chars - sum(map(len, lines)) - sum(map(len, tail))
        # A run in which nothing failed has no second part.
        whole = not output.more or self._random() < 0.25
        first = self._lines(output.body, room if whole else int(room * output.form.share))
        lines += self._stamped(first, output.form.stamp, at) if output.form.stamp else first
        if whole:
            return "\n".join([*lines, *tail[len(output.middle) :]])
        middle = len(output.middle)
        more = self._lines(output.more, int(room * (1 - output.form.share)))
        return "\n".join([*lines, *tail[:middle], *more, *tail[middle:]])

    def _lines(self, shapes: list[Shape], room: int) -> list[str]:
        rng = self._rng
        lines = [fill(rng, shapes)]
        used = len(lines[0])
        while used < room:
            line = fill(rng, shapes)
            lines.append(line)
            used += len(line) + 1
        return lines

    def _stamped(self, lines: list[str], stamp: str, at: datetime) -> list[str]:
        """Put the time before each line; from one to the next a moment passes."""
        rnd = self._random
        millis = (at.hour * 3_600 + at.minute * 60 + at.second) * 1_000 + int(rnd() * 1_000)
        if stamp == "syslog":
            date, gap = f"{MONTHS[at.month - 1]} {at.day:2d} ", " "
        else:
            date, gap = (
                f"{at:%Y-%m-%d}{'T' if stamp == 'iso' else ' '}",
                "Z " if stamp == "iso" else " ",
            )
        stamped = []
        pace = 10 ** (1 + rnd() * 3)
        for line in lines:
            millis = min(86_399_999, millis + int(rnd() * pace))
            seconds, rest = divmod(millis, 1_000)
            minutes, second = divmod(seconds, 60)
            hour, minute = divmod(minutes, 60)
            fine = f".{rest:03d}" if stamp == "iso" else ""
            stamped.append(f"{date}{hour:02d}:{minute:02d}:{second:02d}{fine}{gap}{line}")
        return stamped

    def _columns(self) -> list[Column]:
        """Return the columns of a kind of record: what each is called, and what can stand in it."""
        rng, slots = self._rng, self._project.slots
        columns: list[Column] = [
            *[
                (rng.choice(TEXT_KEYS[slot]), slots[slot])
                for slot in rng.sample(sorted(TEXT_KEYS), 3)
            ],
            *[(key, self._counts) for key in rng.sample(COUNT_KEYS, rng.randrange(1, 4))],
            *[(key, self._numbers) for key in rng.sample(NUMBER_KEYS, rng.randrange(1, 4))],
            *[(key, (True, False, None)) for key in rng.sample(FLAG_KEYS, rng.randrange(2))],
        ]
        rng.shuffle(columns)
        return [("id", slots[rng.choice(("uuid", "hex7", "i"))]), *columns]

    def _rows(self, columns: list[Column], chars: int, overhead: int) -> list[list[Any]]:
        """Return as many rows as take so many characters, with `overhead` for each value."""
        rnd = self._random
        rows: list[list[Any]] = []
        used = 0
        while used < chars:
            row = [pool[int(rnd() * len(pool))] for _, pool in columns]
            rows.append(row)
            used += sum([len(str(value)) + overhead for value in row])
        return rows

    def _kind(self) -> list[Column]:
        return self._records[int(self._random() * len(self._records))]

    def _json(self, chars: int, at: datetime) -> Content:
        """Return the answer of an interface: as an object, or as text the way it came."""
        rnd, project, columns = self._random, self._project, self._kind()
        keys = [key for key, _ in columns]
        overhead = 6 + sum(map(len, keys)) // len(keys)
        rows = self._rows(columns, chars - 130, overhead)
        answer: dict[str, Any] = {
            "status": "ok",
            "request": project.word("uuid"),
            "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "took_ms": round(rnd() * 900, 1),
            project.word("name"): [dict(zip(keys, row, strict=True)) for row in rows],
            "total": len(rows) + int(rnd() * rnd() * 900),
        }
        draw = rnd()
        if draw < 0.4:
            return answer
        if draw < 0.75 or chars > 4_000:
            return orjson.dumps(answer).decode()
        return orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()[:5_800]

    def _csv(self, chars: int, _at: datetime) -> str:
        columns = self._kind()
        lines = [",".join([key for key, _ in columns])]
        for row in self._rows(columns, chars, 1):
            cells = ["" if value is None else str(value) for value in row]
            lines.append(",".join([f'"{cell}"' if "," in cell else cell for cell in cells]))
        return "\n".join(lines) + "\n"

    def _sql(self, chars: int, _at: datetime) -> str:
        """Return a query and its rows in columns, as a shell prints them."""
        project, columns = self._project, self._kind()
        keys = [key for key, _ in columns]
        wanted, table, limit = ", ".join(keys), project.word("name"), project.word("d")
        query = (
            f"{project.name}=> SELECT {wanted} FROM {table} "  # noqa: S608 - no database runs it.
            f"WHERE {keys[-1]} IS NOT NULL ORDER BY {keys[1]} DESC LIMIT {limit};"
        )
        rows = [
            ["" if value is None else str(value) for value in row]
            for row in self._rows(columns, int((chars - len(query)) * 0.75), 3)
        ]
        widths = [max(map(len, column)) for column in zip(keys, *rows, strict=True)]
        pattern = " | ".join([f"%-{width}s" for width in widths])
        return "\n".join(
            [
                query,
                pattern % tuple(keys),
                "-+-".join(["-" * width for width in widths]),
                *[pattern % tuple(row) for row in rows],
                f"({len(rows)} rows)",
                f"Time: {project.word('f')} ms",
            ]
        )

    def _web(self, chars: int, at: datetime) -> str:
        """Return a page that was fetched: mostly prose."""
        rnd, project = self._random, self._project
        address = f"https://{project.word('company').lower()}.example{project.word('url')}"
        head = f'<page url="{address}" fetched="{at:%Y-%m-%dT%H:%M:%SZ}">'
        parts = [f"{head}\n{project.title()}"]
        used = len(parts[0])
        while used < chars:
            parts.append(project.title() if rnd() < 0.2 else project.paragraph(1 + int(rnd() * 4)))
            used += len(parts[-1]) + 2
        return "\n\n".join([*parts, "</page>"])
