"""`store.indexes`: custom indexes over metadata, or over what a Python function says of an item."""

from __future__ import annotations

import inspect
from collections import Counter

from engine.errors import EngineError, InvalidFilterError, InvalidIndexError
from engine.models import CustomIndex, IndexCheck
from engine.procedures import index_reports, indexes, indexing
from engine.procedures.names import Extractor
from engine.query.comparisons import require_path
from engine.query.fields import INDEX_NAME, METADATA, require_text, shown
from engine.query.lexer import HAS_METADATA, split_path
from engine.services.aspect import Aspect
from engine.services.catching_up import bring_up_to_date, clear_dropped


class Indexes(Aspect):
    """The custom indexes of a store, which follow its items in the transactions that change them.

    One over a metadata path serves queries of `metadata.path:value` by itself. Every one can be
    asked by its name: `index.name:value`.
    """

    async def define(
        self, name: str, path: str | None = None, *, extractor: Extractor | None = None
    ) -> CustomIndex:
        """Make an index over a metadata path (`metadata.project`) or a function; build it.

        A function gives the values of an item: a text, a number, a list of them, or None. It may
        look at whatever an edit can change, and runs inside writes: keep it quick, and have it
        give the same for the same item. One that raises leaves that item out, which is reported.
        The store keeps no functions: define it again in every process that writes, or queries it.

        Raises:
            InvalidIndexError: the name or path cannot be one, or it exists with another definition.
        """
        if not isinstance(name, str) or not INDEX_NAME.fullmatch(name):
            raise InvalidIndexError(
                f"an index cannot be called {shown(name)}",
                hint="use letters, digits and _, at most 64, not beginning with a digit",
            )
        keys = _path_of(path, extractor)
        found = await self._backend.read(indexing.load_definitions, name)
        if found:
            indexes.require_same(found[0], keys)
        if not self._backend.read_only or not found:
            await self._backend.write(indexes.define_index, name, keys, self._clock())
        if extractor is not None:
            self._names.extractors[name] = extractor
        if not self._backend.read_only:
            await bring_up_to_date(self._backend, self._names, name)
        return await self._backend.read(index_reports.describe, name)

    async def drop(self, name: str) -> None:
        """Delete an index; the items stay as they are.

        Raises:
            IndexNotFoundError: there is none.
        """
        await self._backend.write(indexes.begin_drop, name)
        self._names.extractors.pop(name, None)
        await clear_dropped(self._backend)

    async def rebuild(self, name: str) -> CustomIndex:
        """Make all entries of an index anew, beside readers and writers.

        Raises:
            IndexNotFoundError: there is none.
            StaleIndexError: its function is not known here.
        """
        definition = await self._backend.read(indexes.find_index, name)
        if definition.path is None and name not in self._names.extractors:
            raise indexes.not_known_here(definition)
        await self._backend.write(indexes.begin_rebuild, name)
        await bring_up_to_date(self._backend, self._names, name)
        return await self._backend.read(index_reports.describe, name)

    async def list(self) -> list[CustomIndex]:
        """Return all custom indexes by name, with their sizes and what they were of use for."""
        await self.flush()
        return await self._backend.examine(index_reports.list_indexes)

    async def check(self, name: str) -> IndexCheck:
        """Return what of an index disagrees with the items; `rebuild` puts it right.

        Raises:
            IndexNotFoundError: there is none.
            StaleIndexError: it is not complete, or its function is not known here.
        """
        if not self._backend.read_only:
            await bring_up_to_date(self._backend, self._names, name)
        return await self._backend.examine(index_reports.check_index, self._names, name)

    async def flush(self) -> None:
        """Write how many queries the indexes drove since the last time."""
        pending = self._core._reading.index_uses
        uses: Counter[int] = Counter()
        while pending:
            uses[pending.popleft()] += 1
        if not uses or self._backend.read_only:
            return
        try:
            await self._backend.write(indexes.count_uses, dict(uses))
        except EngineError as error:
            if not error.retryable:
                raise
            pending.extend(uses.elements())


def _path_of(path: str | None, extractor: Extractor | None) -> tuple[str, ...] | None:
    """Return the keys of a metadata path; None for a function.

    Raises:
        InvalidIndexError: it is no path, or not one of the two was given.
    """
    if (path is None) == (extractor is None):
        raise InvalidIndexError(
            "an index needs either a path or an extractor",
            hint='write define("project", "metadata.project")',
        )
    if path is None:
        if not callable(extractor) or inspect.iscoroutinefunction(extractor):
            raise InvalidIndexError("the extractor is no plain function", hint="give a callable")
        return None
    hint = f"write {METADATA}.key, with quotes around a key that has dots or spaces"
    if not isinstance(path, str) or not HAS_METADATA.fullmatch(path):
        raise InvalidIndexError(f"{shown(path)} is no metadata path", hint=hint)
    keys = split_path(path[len(METADATA) :])
    try:
        require_text("the path", path)
        require_path(keys or ())
    except InvalidFilterError as error:
        raise InvalidIndexError(error.message, hint=error.hint) from None
    return keys
