"""A rescued store takes the place of one that cannot be read, and nothing of that one is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import check_sound

from engine import StorageError, StoreInUseError, StoreNotFoundError, open_store
from engine.backups import replace_damaged


async def make(path: Path, *ids: str) -> Path:
    async with open_store(path) as store:
        for item_id in ids:
            await store.put(item_id, item_id)
    return path


async def test_the_damaged_store_and_its_journal_are_kept_and_the_rescued_one_is_there(
    tmp_path: Path,
) -> None:
    """The old journal is nowhere near the new file, and both files are whole."""
    store, rescued = await make(tmp_path / "a.db", "old"), await make(tmp_path / "b.db", "new")
    damaged = store.read_bytes()[:5000]
    store.write_bytes(damaged)
    journal = tmp_path / "a.db-wal"
    journal.write_bytes(b"frames of the old one")

    kept = await replace_damaged(store, rescued)

    assert kept is not None
    assert (kept / "a.db").read_bytes() == damaged
    assert (kept / "a.db-wal").read_bytes() == b"frames of the old one"
    assert kept.stat().st_mode & 0o777 == 0o700
    assert not journal.exists()
    assert not rescued.exists()
    check_sound(store)
    async with open_store(store) as found:
        assert await found.peek("new") is not None


async def test_where_nothing_is_nothing_is_kept(tmp_path: Path) -> None:
    """A store that is missing is simply there again."""
    rescued = await make(tmp_path / "b.db", "new")
    assert await replace_damaged(tmp_path / "a.db", rescued) is None
    check_sound(tmp_path / "a.db")


async def test_a_store_that_somebody_has_open_is_not_replaced(tmp_path: Path) -> None:
    """What they write would be lost; nothing was moved."""
    store, rescued = await make(tmp_path / "a.db", "old"), await make(tmp_path / "b.db", "new")
    async with open_store(store), open_store(rescued):
        with pytest.raises(StoreInUseError):
            await replace_damaged(store, rescued)
    async with open_store(rescued):
        with pytest.raises(StoreInUseError):
            await replace_damaged(store, rescued)
    assert store.exists()
    assert rescued.exists()
    assert not list(tmp_path.glob("*.damaged-*"))


async def test_only_a_closed_store_is_put_there(tmp_path: Path) -> None:
    """Without its journal it would not be what it was."""
    store, rescued = await make(tmp_path / "a.db", "old"), await make(tmp_path / "b.db", "new")
    (tmp_path / "b.db-wal").write_bytes(b"not taken in yet")
    with pytest.raises(StorageError):
        await replace_damaged(store, rescued)
    with pytest.raises(StoreNotFoundError):
        await replace_damaged(store, tmp_path / "c.db")
    check_sound(store)
