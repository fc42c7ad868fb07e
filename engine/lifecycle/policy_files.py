"""Policies as TOML, for people to read, review and keep beside their code.

[[policy]]
name = "archive_old_low_importance"
when = "idle>30d importance<0.3 -tier:archive"
do = "archive"
enabled = true
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, NoReturn

from engine.errors import InvalidPolicyError
from engine.lifecycle.actions import DEFAULT_LIMITS, suggest
from engine.lifecycle.policy import Policy, check_policy, require_distinct
from engine.limits import Limits
from engine.query.fields import shown

TOML_CHARS_MAX = 16 * 1024 * 1024
"""More than `POLICIES_MAX` of the longest policies need."""

TABLE = "policy"
KEYS: dict[str, type] = {"name": str, "when": str, "do": str, "enabled": bool}
REQUIRED = ("name", "when", "do")
KEYS_HINT = f"the keys are {', '.join(KEYS)}"
TABLE_HINT = f"begin each policy with a line [[{TABLE}]], in two brackets"
TYPE_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)\s*$")
LITERAL = re.compile(r"[^']*\"[^']*")
SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def load_policies(toml_text: str, *, limits: Limits = DEFAULT_LIMITS) -> list[Policy]:
    """Return the policies of a TOML file in their order; any registered name is accepted.

    Raises:
        InvalidPolicyError: the text is not TOML, or a policy cannot be kept; the message says
            which policy, which key and, for a fault in the TOML, which line.
    """
    document = _read_toml(toml_text)
    for key in document:
        if key != TABLE:
            hint = suggest(key, [TABLE], TABLE_HINT)
            raise InvalidPolicyError(f"there is no table {shown(key)}", hint=hint, key=key)
    tables = document.get(TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidPolicyError(f"{TABLE} is not a list of tables", hint=TABLE_HINT)
    policies = [_read_policy(number, table) for number, table in enumerate(tables, start=1)]
    require_distinct(policies)
    for policy in policies:
        check_policy(policy, limits, known_conditions=None, known_actions=None)
    return policies


def dump_policies(policies: Sequence[Policy]) -> str:
    """Return the TOML that loads as `policies`, if each of them can be kept.

    Raises:
        InvalidPolicyError: there are too many, or two have the same name.
    """
    require_distinct(policies)
    return "\n".join(_write_policy(policy) for policy in policies)


def _read_toml(text: str) -> dict[str, Any]:
    if len(text) > TOML_CHARS_MAX:
        raise InvalidPolicyError(
            f"the file is {len(text):,} characters; the limit is {TOML_CHARS_MAX:,}",
            hint="this is not a file of policies",
        )
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        _refuse_syntax(text, error)
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, brackets in thousands of brackets.
        raise InvalidPolicyError(
            "the file has a value that is too long or too deep", hint=KEYS_HINT
        ) from error


def _refuse_syntax(text: str, error: tomllib.TOMLDecodeError) -> NoReturn:
    reason = str(error)
    place = PLACE.search(reason)
    where, line = "", None
    if place is not None:
        reason = reason[: place.start()]
        line = int(place["line"]) if place["line"] else text.count("\n") + 1
        column = f", column {place['column']}" if place["column"] else ""
        where = f" at line {line}{column}"
    raise InvalidPolicyError(
        f"the file is not TOML{where}: {reason}",
        hint="texts are in quotes; one with \" in it goes between ' and '",
        line=line,
    ) from error


def _read_policy(number: int, table: dict[str, Any]) -> Policy:
    given = table.get("name")
    name = given if isinstance(given, str) else ""
    called = f"policy {shown(name)}" if name else f"policy {number}"
    for key, value in table.items():
        if key not in KEYS:
            hint = suggest(key, KEYS, KEYS_HINT)
            raise InvalidPolicyError(
                f"{called} has an unknown key, {shown(key)}", hint=hint, policy=name, key=key
            )
        if type(value) is not KEYS[key]:
            is_wrong = f"{called}, {key}: it is {TYPE_NAMES.get(type(value), 'a time')}"
            wanted = TYPE_NAMES[KEYS[key]]
            raise InvalidPolicyError(
                f"{is_wrong}, not {wanted}", hint=f"use {wanted}", policy=name, key=key
            )
    for key in REQUIRED:
        if key not in table:
            hint = 'add it; a condition for everything is when = ""'
            raise InvalidPolicyError(f"{called} has no {key}", hint=hint, policy=name, key=key)
    return Policy(**table)


def _write_policy(policy: Policy) -> str:
    lines = [f"[[{TABLE}]]"]
    lines += (f"{key} = {_write_text(getattr(policy, key))}" for key in REQUIRED)
    if not policy.enabled:
        lines.append("enabled = false")
    return "\n".join(lines) + "\n"


def _write_text(text: str) -> str:
    # A condition with quotes in it reads better between quotes of the other sort.
    if text.isprintable() and LITERAL.fullmatch(text):
        return f"'{text}'"
    return f'"{"".join(_escape(character) for character in text)}"'


def _escape(character: str) -> str:
    if character in SHORT_ESCAPES:
        return SHORT_ESCAPES[character]
    # What cannot be seen would be lost in an editor, or change how the line looks.
    if character.isprintable():
        return character
    return f"\\u{ord(character):04X}" if ord(character) < 1 << 16 else f"\\U{ord(character):08X}"
