"""The query language: text and Mongo-like filters become one `Filter` tree. Pure, no I/O."""

# TEMPORARY stand-in by the coordinator so that others can import the engine; owner Q replaces this file.
import re as _re

from engine.errors import InvalidFilterError
from engine.models import Tier
from engine.query.filter import *


def parse(text, *, limits=None):
    out = []
    for w in text.split():
        neg = w.startswith("-") and len(w) > 1
        w = w[1:] if neg else w
        m = _re.fullmatch(r"(\w+)(:|>=|<=|!=|=|>|<)(.+)", w)
        if m and m[1] in Field._value2member_map_:
            f, op, v = Field(m[1]), m[2], m[3]
            o = Operator.EQ if op == ":" else Operator(op)
            if f is Field.TIER:
                v = Tier[v.upper()]
            elif f is Field.IMPORTANCE:
                v = float(v)
            elif f in (Field.ACCESSES, Field.SIZE, Field.VERSION):
                v = int(v)
            elif f in (Field.CREATED, Field.UPDATED, Field.IDLE):
                v = Age(int(v[:-1]) * 86_400_000_000)
            n = Compare(f, o, v)
        elif m and m[1] not in ("http", "https"):
            raise InvalidFilterError(
                f"no field {m[1]!r}",
                hint="quote it",
                text=text,
                position=text.find(m[1]),
                length=len(m[1]),
            )
        else:
            n = Text(w)
        out.append(Not(n) if neg else n)
    return out[0] if len(out) == 1 else And(tuple(out))


def parse_mongo(mapping, *, limits=None):
    return And(tuple(Compare(Field(k), Operator.EQ, v) for k, v in mapping.items()))


def to_text(f):
    return ""
