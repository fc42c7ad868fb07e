"""The query language: text and Mongo-like filters become one `Filter` tree. Pure, no I/O."""

from __future__ import annotations

from engine.query.completion import Completion as Completion
from engine.query.completion import complete as complete
from engine.query.filter import EVERYTHING as EVERYTHING
from engine.query.filter import Age as Age
from engine.query.filter import And as And
from engine.query.filter import Compare as Compare
from engine.query.filter import Field as Field
from engine.query.filter import Filter as Filter
from engine.query.filter import Has as Has
from engine.query.filter import HasMetadata as HasMetadata
from engine.query.filter import Indexed as Indexed
from engine.query.filter import Metadata as Metadata
from engine.query.filter import Not as Not
from engine.query.filter import Operator as Operator
from engine.query.filter import Or as Or
from engine.query.filter import Part as Part
from engine.query.filter import Text as Text
from engine.query.highlighting import highlight as highlight
from engine.query.mongo import parse_mongo as parse_mongo
from engine.query.normal import normalise as normalise
from engine.query.parser import parse as parse
from engine.query.render import quote_value as quote_value
from engine.query.render import to_text as to_text

__all__ = [
    "EVERYTHING",
    "Age",
    "And",
    "Compare",
    "Completion",
    "Field",
    "Filter",
    "Has",
    "HasMetadata",
    "Indexed",
    "Metadata",
    "Not",
    "Operator",
    "Or",
    "Part",
    "Text",
    "complete",
    "highlight",
    "normalise",
    "parse",
    "parse_mongo",
    "quote_value",
    "to_text",
]
