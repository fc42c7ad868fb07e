"""Taking changes back: each becomes a new change, so that an undo can be undone too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.errors import ChangeNotFoundError, UndoConflictError
from engine.models import Operation
from engine.procedures.base import Procedure, Statement
from engine.procedures.history import Logged, load_logged
from engine.procedures.items import Stored, load_stored
from engine.procedures.links import load_links, set_link
from engine.procedures.names import Names
from engine.procedures.revisions import Author, Revision, columns_of
from engine.procedures.writing import write_revisions
from engine.serialization import preview_of, unpack


@dataclass(frozen=True, slots=True)
class Undoing:
    """The changes to take back: `first`..`last`, of one batch if `first` belongs to one.

    Others may have written between the changes of a batch; theirs are left alone.
    """

    first: int
    last: int
    batch: int | None

    def __contains__(self, entry: Logged) -> bool:
        return self.first <= entry.sequence <= self.last and (
            self.batch is None or entry.batch == self.batch
        )


def find_undoing(first: int, last: int) -> Procedure[Undoing]:
    """Return what undoing `first`..`last` takes back.

    Raises:
        ChangeNotFoundError: there is no change `first`.
    """
    rows = yield Statement("SELECT batch FROM changes WHERE sequence = ?", (first,))
    if not rows:
        raise ChangeNotFoundError(
            f"there is no change {first}", hint="look at the item's history for its sequences"
        )
    return Undoing(first, last, rows[0][0])


def undo_at_once(
    names: Names, first: int, last: int, author: Author, *, force: bool
) -> Procedure[list[int]]:
    """Take back the changes `first`..`last`, newest first; return the sequences of the new ones.

    Raises:
        ChangeNotFoundError: there is no change `first`.
        UndoConflictError: a later change touched the same fields (unless `force`).
    """
    undoing = yield from find_undoing(first, last)
    if not force:
        yield from refuse_conflicts(names, undoing, first, last)
    return (yield from undo_window(names, undoing, first, last, author))


def undo_window(
    names: Names, undoing: Undoing, first: int, last: int, author: Author
) -> Procedure[list[int]]:
    """Take back those of the changes that lie in a window of sequences, newest first."""
    entries = yield from _load_window(names, undoing, first, last, content=True)
    done: list[int] = []
    batch = author.batch
    for wave in _waves(entries):
        sequences = yield from _undo_wave(names, wave, replace(author, batch=batch, reason="undo"))
        if sequences and len(entries) > 1 and batch is None:
            batch = sequences[0]
        done.extend(sequences)
    return done


def _load_window(
    names: Names, undoing: Undoing, first: int, last: int, *, content: bool
) -> Procedure[list[Logged]]:
    entries = yield from load_logged(
        names,
        "WHERE sequence BETWEEN ? AND ? ORDER BY sequence DESC",
        (first, last),
        content=content,
    )
    return [entry for entry in entries if entry in undoing]


WAVE_MAX: Final = 1_000


def _waves(entries: list[Logged]) -> Iterator[list[Logged]]:
    """Split changes, newest first, into runs of distinct items; a link change is a run alone."""
    wave: list[Logged] = []
    seen: set[str] = set()
    for entry in entries:
        alone = entry.operation is Operation.ASSOCIATE
        if wave and (alone or entry.item_id in seen or len(wave) == WAVE_MAX):
            yield wave
            wave, seen = [], set()
        wave.append(entry)
        seen.add(entry.item_id)
        if alone:
            yield wave
            wave, seen = [], set()
    if wave:
        yield wave


def refuse_conflicts(names: Names, undoing: Undoing, first: int, last: int) -> Procedure[None]:
    """Raise if a later change that still stands touched what a window of these would put back.

    Raises:
        UndoConflictError: one did.
    """
    entries = yield from _load_window(names, undoing, first, last, content=False)
    mine: dict[str, list[Logged]] = {}
    for entry in entries:
        mine.setdefault(entry.item_id, []).append(entry)
    for item_id, earlier in mine.items():
        since = yield from load_logged(
            names,
            "WHERE item_id = ? AND sequence > ? ORDER BY sequence DESC",
            (item_id, earlier[-1].sequence),
            content=False,
        )
        for later in _standing(since):
            if later in undoing:
                continue
            for entry in earlier:
                if entry.sequence < later.sequence and _overlap(entry, later):
                    raise UndoConflictError(
                        f"change {later.sequence} touched {item_id!r} after change "
                        f"{entry.sequence}",
                        sequence=later.sequence,
                        hint=f"undo change {later.sequence} first, or force it and lose that",
                    )


def _standing(newest_first: Iterable[Logged]) -> Iterator[Logged]:
    """Leave out changes that were undone, together with the undoing ones."""
    undone: set[int] = set()
    for entry in newest_first:
        if entry.sequence in undone:
            continue
        if entry.undoes is not None:
            undone.add(entry.undoes)
            continue
        yield entry


def _overlap(earlier: Logged, later: Logged) -> bool:
    """Return whether putting back `earlier` would overwrite what `later` did."""
    whole = (Operation.CREATE, Operation.DELETE)
    link = Operation.ASSOCIATE
    if earlier.operation is link or later.operation is link:
        both = earlier.operation is later.operation
        return both and _link_key(earlier) == _link_key(later)
    if earlier.operation in whole or later.operation in whole:
        return True
    return not earlier.before.keys().isdisjoint(later.before.keys())


def _link_key(entry: Logged) -> tuple[str, str, str]:
    link = entry.before["associations"][0]
    return link["source"], link["relation"], link["target"]


def _undo_wave(names: Names, wave: list[Logged], author: Author) -> Procedure[list[int]]:
    if wave[0].operation is Operation.ASSOCIATE:
        return (yield from _undo_link(names, wave[0], author))
    live = yield from load_stored(names, ids=[entry.item_id for entry in wave], content=True)
    current = {stored.id: stored for stored in live}
    revisions = [
        Revision(old, _target(entry, old, author.at), entry.sequence)
        for entry in wave
        for old in [current.get(entry.item_id)]
        if old is not None or entry.operation is Operation.DELETE
    ]
    doomed = [old.key for old, new, _ in revisions if old is not None and new is None]
    links = yield from load_links(doomed)
    sequences = yield from write_revisions(names, revisions, author, links=links)
    for entry in wave:
        if entry.operation is Operation.DELETE and entry.item_id not in current:
            yield from _restore_links(names, entry, author)
    return sequences


def _undo_link(names: Names, entry: Logged, author: Author) -> Procedure[list[int]]:
    link = entry.before["associations"][0]
    sequence = yield from set_link(
        names,
        link["source"],
        link["target"],
        link["relation"],
        link["strength"],
        author,
        created_at=link["created_at"],
        undoes=entry.sequence,
    )
    return [] if sequence is None else [sequence]


def _target(entry: Logged, old: Stored | None, now: int) -> Stored | None:
    """Return what an item becomes when a change of it is taken back."""
    if entry.operation is Operation.CREATE:
        return None
    before = entry.before
    if old is None:
        return _revived(entry, now)
    changes = columns_of(before) | {"version": old.version + 1, "updated_at": now}
    # A deletion that was undone already: how often the item was read is no matter of undoing.
    changes.pop("access_count", None)
    if "content" in before and entry.codec is not None:
        changes.update(_content_columns(entry))
    return old._replace(**changes)


def _content_columns(entry: Logged) -> dict[str, Any]:
    """Return the content columns of a before-image; proven, so that no damage is put back."""
    codec, data, stub = entry.codec, entry.data, entry.before["content"]
    if codec is None or data is None:
        raise ValueError(f"change {entry.sequence} has no content")
    digest = bytes.fromhex(stub["hash"])
    raw = unpack(codec, data, stub["size"], digest, item_id=entry.item_id)
    return {
        "content_key": entry.content_key,
        "codec": codec,
        "data": data,
        "size_bytes": stub["size"],
        "digest": digest,
        "preview": preview_of(codec.base, raw) if 16 <= codec < 32 else None,
    }


def _revived(entry: Logged, now: int) -> Stored:
    """Return a deleted item as it was, one version on."""
    columns = {"last_accessed_at": None, "access_count": 0, **columns_of(entry.before)}
    columns |= {"updated_at": now, "version": entry.version + 1}
    return Stored(key=0, id=entry.item_id, **columns, **_content_columns(entry))


def _restore_links(names: Names, entry: Logged, author: Author) -> Procedure[None]:
    """Link a revived item again to those of its neighbours that still exist."""
    for link in entry.before.get("associations", ()):
        other = link["target"] if link["source"] == entry.item_id else link["source"]
        rows = yield Statement("SELECT 1 FROM items WHERE id = ?", (other,))
        if rows:
            yield from set_link(
                names,
                link["source"],
                link["target"],
                link["relation"],
                link["strength"],
                author,
                created_at=link["created_at"],
            )
