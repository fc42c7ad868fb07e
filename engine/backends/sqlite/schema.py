"""The tables, as created; a store's later shapes come from `migrations`."""

from __future__ import annotations

APPLICATION_ID = 0x414D454D
"""`AMEM`: what the file header of a store says, so that others' databases are told apart."""

SCHEMA_VERSION = 4

# Text names are long and repeat; integers in their place make the file 2.8 times smaller.
_NAME_TABLES = tuple(
    f"CREATE TABLE {table}({key} INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"
    for table, key in (
        ("agents", "agent_key"),
        ("kinds", "kind_key"),
        ("relations", "relation_key"),
        ("actors", "actor_key"),
    )
)

SCHEMA = (
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    *_NAME_TABLES,
    # `items` counts the items that carry the tag.
    """CREATE TABLE tags(tag_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        items INTEGER NOT NULL DEFAULT 0) STRICT""",
    # A session that an item mentions before anybody described it has only an id.
    """CREATE TABLE sessions(session_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        agent_key INTEGER REFERENCES agents, title TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT '', started_at INTEGER, ended_at INTEGER,
        metadata TEXT) STRICT""",
    """CREATE TABLE messages(message_key INTEGER PRIMARY KEY,
        session_key INTEGER NOT NULL REFERENCES sessions, ordinal INTEGER NOT NULL,
        role TEXT NOT NULL, at INTEGER NOT NULL, content TEXT NOT NULL,
        UNIQUE(session_key, ordinal)) STRICT""",
    """CREATE TABLE items(item_key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        agent_key INTEGER NOT NULL REFERENCES agents, kind_key INTEGER NOT NULL REFERENCES kinds,
        tier INTEGER NOT NULL, importance REAL NOT NULL, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, version INTEGER NOT NULL,
        session_key INTEGER REFERENCES sessions, size_bytes INTEGER NOT NULL,
        hash BLOB NOT NULL, metadata TEXT, preview TEXT,
        content_key INTEGER NOT NULL DEFAULT 0) STRICT""",
    # Apart from the items, so that packing a content frees its pages; see procedures/contents.py.
    """CREATE TABLE contents(content_key INTEGER PRIMARY KEY, codec INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, uses INTEGER NOT NULL, dictionary_key INTEGER,
        base_key INTEGER, data BLOB NOT NULL) STRICT""",
    """CREATE TABLE dictionaries(dictionary_key INTEGER PRIMARY KEY, created_at INTEGER NOT NULL,
        contents INTEGER NOT NULL, data BLOB NOT NULL) STRICT""",
    # The columns behind the first two answer filters without a look at the wide row.
    "CREATE INDEX items_agent ON items(agent_key, created_at, importance, kind_key, tier)",
    "CREATE INDEX items_created ON items(created_at, importance, agent_key, kind_key, tier)",
    "CREATE INDEX items_tier ON items(tier, created_at, kind_key, agent_key, importance)",
    "CREATE INDEX items_kind ON items(kind_key, created_at, tier, agent_key, importance)",
    "CREATE INDEX items_importance ON items(importance, created_at, agent_key, kind_key, tier)",
    "CREATE INDEX items_updated ON items(updated_at)",
    # What the bounded tiers hold is little, and looked through whenever one is full.
    "CREATE INDEX items_close ON items(agent_key, tier) WHERE tier < 2",
    """CREATE INDEX items_session ON items(session_key, created_at)
        WHERE session_key IS NOT NULL""",
    # Off the item's row, since reading an item must not rewrite it.
    """CREATE TABLE access(item_key INTEGER PRIMARY KEY REFERENCES items,
        last_accessed_at INTEGER NOT NULL, access_count INTEGER NOT NULL, recent TEXT) STRICT""",
    "CREATE INDEX access_last ON access(last_accessed_at)",
    # With the item's time and agent, so that a tag's list answers without the items' rows.
    """CREATE TABLE item_tags(tag_key INTEGER NOT NULL REFERENCES tags, created_at INTEGER NOT NULL,
        item_key INTEGER NOT NULL REFERENCES items, agent_key INTEGER NOT NULL,
        PRIMARY KEY(tag_key, created_at, item_key)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX item_tags_item ON item_tags(item_key, tag_key)",
    "CREATE INDEX item_tags_agent ON item_tags(agent_key, tag_key, created_at, item_key)",
    """CREATE TABLE associations(source_key INTEGER NOT NULL REFERENCES items,
        relation_key INTEGER NOT NULL REFERENCES relations,
        target_key INTEGER NOT NULL REFERENCES items, strength REAL NOT NULL,
        created_at INTEGER NOT NULL, metadata TEXT,
        PRIMARY KEY(source_key, relation_key, target_key)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX associations_target ON associations(target_key, relation_key, source_key)",
    # Items whose row key and time of creation are not in the same order: imported late, restored.
    # The text index lists by row key; with these set apart, that is newest first.
    "CREATE TABLE strays(item_key INTEGER PRIMARY KEY REFERENCES items) STRICT",
    # Counted as items change, so that counts and the planner need no scan.
    """CREATE TABLE counts(agent_key INTEGER NOT NULL, kind_key INTEGER NOT NULL,
        tier INTEGER NOT NULL, items INTEGER NOT NULL,
        PRIMARY KEY(agent_key, kind_key, tier)) STRICT, WITHOUT ROWID""",
    # No document sizes: ranking does without bm25(), see engine/procedures/search.py.
    """CREATE VIRTUAL TABLE items_text USING fts5(text, scope, content='', columnsize=0,
        tokenize='porter unicode61 remove_diacritics 2 categories ''L* N* Co So''')""",
    # Left to itself the index now and then merges for half a second inside one commit; instead
    # every commit does a little of that work, see engine/procedures/fulltext.py.
    "INSERT INTO items_text(items_text, rank) VALUES ('automerge', 0)",
    # Nor at all once: what lies together is merged in pieces before it comes to that.
    "INSERT INTO items_text(items_text, rank) VALUES ('crisismerge', 64)",
    # A large batch becomes one part of the index instead of many that have to be merged.
    "INSERT INTO items_text(items_text, rank) VALUES ('hashsize', 16777216)",
    """CREATE TABLE changes(sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL,
        actor_key INTEGER NOT NULL REFERENCES actors, operation INTEGER NOT NULL,
        item_id TEXT NOT NULL, version INTEGER NOT NULL, batch INTEGER, undoes INTEGER,
        before TEXT, content_key INTEGER) STRICT""",
    "CREATE INDEX changes_item ON changes(item_id, sequence)",
    # Every move between tiers; `sequence` is that of the change.
    """CREATE TABLE transitions(sequence INTEGER PRIMARY KEY, item_key INTEGER NOT NULL,
        from_tier INTEGER NOT NULL, to_tier INTEGER NOT NULL, at INTEGER NOT NULL,
        reason TEXT NOT NULL, score REAL) STRICT""",
    "CREATE INDEX transitions_item ON transitions(item_key, sequence)",
    """CREATE TABLE policies(name TEXT PRIMARY KEY, position INTEGER NOT NULL,
        condition TEXT NOT NULL, action TEXT NOT NULL,
        enabled INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    # `plan` is what is left to do, for as long as there is something left.
    """CREATE TABLE runs(run_key INTEGER PRIMARY KEY, started_at INTEGER NOT NULL,
        ended_at INTEGER, state TEXT NOT NULL, first_sequence INTEGER, last_sequence INTEGER,
        planned INTEGER NOT NULL, done INTEGER NOT NULL, facts TEXT NOT NULL, plan BLOB) STRICT""",
    # `path` is a JSON list of keys, NULL where a Python function gives the values; `name` is NULL
    # while it is being dropped, `built_key` is NULL once all items are in; see procedures/indexes.
    """CREATE TABLE custom_indexes(index_key INTEGER PRIMARY KEY, name TEXT UNIQUE, path TEXT,
        created_at INTEGER NOT NULL, uses INTEGER NOT NULL, built_key INTEGER,
        indexed_sequence INTEGER NOT NULL) STRICT""",
    """CREATE TABLE index_entries(index_key INTEGER NOT NULL REFERENCES custom_indexes,
        value ANY NOT NULL, created_at INTEGER NOT NULL,
        item_key INTEGER NOT NULL REFERENCES items,
        PRIMARY KEY(index_key, value, created_at, item_key)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX index_entries_item ON index_entries(item_key, index_key)",
)
