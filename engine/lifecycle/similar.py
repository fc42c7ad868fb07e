"""Which texts are nearly the same: MinHash, buckets of what may be alike, and exact comparison.

A text is the set of its runs of three words, hashed. Letter case, punctuation and order beyond
three words do not count. Everything is derived from the texts and constants alone: the same texts
in the same order give the same groups, in every process and on every machine.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import TYPE_CHECKING, Final

from engine.text import ALONE

if TYPE_CHECKING:
    from numpy import uint32, uint64
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]

BANDS: Final = 16
ROWS: Final = 4
PERMUTATIONS: Final = BANDS * ROWS
SHINGLE_WORDS: Final = 3
THRESHOLD_MIN: Final = 0.5
THRESHOLD_MAX: Final = 1.0

CHUNK_WORDS: Final = 65_536
"""Hashed at once: what one permutation of it takes stays in a processor's second cache."""
CHUNK_TEXTS: Final = 1_024
"""Texts between two calls of `progress`, at most."""
BUCKET_KEPT_MAX: Final = 32
"""Of the kept texts in a bucket, how many of the latest the next one may be compared with."""
COMPARED_MAX: Final = 8
"""Kept texts that one text is compared with exactly: those that seem the most alike."""
ESTIMATE_MARGIN: Final = 0.25
"""Four standard deviations of an estimate by 64 permutations, where it varies the most."""
HASHED_WORDS_MAX: Final = 1_000_000

# Every character of a script without spaces is a word, so that its shingles are of characters.
_WORD = re.compile(rf"[{ALONE}]|[^\W_{ALONE}]+")
# Stands for the words that a text of fewer than a shingle lacks: hardly a word hashes to it.
_NO_WORD: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A text to keep, and the keys of those nearly the same with their similarity to it."""

    kept: int
    members: tuple[tuple[int, float], ...]


def find_groups(
    texts: Iterable[tuple[int, str]],
    *,
    threshold: float = 0.8,
    progress: Progress | None = None,
    expected: int = 0,
) -> list[Group]:
    """Return the groups of texts at least `threshold` similar to the earliest of their group.

    `texts` are pairs of key and text, the preferred first; groups and members keep that order.
    `progress` is given how much is done and how much there is; what it raises stops the search.
    `expected` tells it how many texts to expect of an iterable that has no length.

    Raises:
        ValueError: the threshold is not from 0.5 to 1.0.
    """
    if not THRESHOLD_MIN <= threshold <= THRESHOLD_MAX:
        msg = f"the threshold must be from {THRESHOLD_MIN} to {THRESHOLD_MAX}, not {threshold}"
        raise ValueError(msg)
    report = progress or _unheard
    sketches = _read(texts, report, max(expected, length_hint(texts, 0)))
    return _grouped(sketches, threshold, report)


def _unheard(_done: int, _total: int) -> None:
    """Take a report that nobody asked for."""


class _Sketches:
    """What is kept of every text: its sorted shingle hashes and its MinHash signature.

    Four bytes for a word and 256 for a text: less than the texts themselves.
    """

    def __init__(self) -> None:
        self.keys: list[int] = []
        self._shingles: list[NDArray[uint32]] = []
        self._starts: list[NDArray[uint32]] = []
        self._signatures: list[NDArray[uint32]] = []
        self._firsts: list[int] = []
        self._multipliers, self._masks = _permutations()

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, keys: Sequence[int], words: Sequence[int], lengths: Sequence[int]) -> None:
        """Take a chunk: the hashes of its texts' words, one text after the other."""
        shingles, starts = _shingles(words, lengths)
        self._firsts.append(len(self.keys))
        self.keys.extend(keys)
        self._shingles.append(shingles)
        self._starts.append(starts)
        self._signatures.append(self._signed(shingles, starts))

    def _signed(self, shingles: NDArray[uint32], starts: NDArray[uint32]) -> NDArray[uint32]:
        """Return the smallest hash of every text under every permutation."""
        import numpy as np

        signatures = np.empty((len(starts), PERMUTATIONS), np.uint32)
        permuted = np.empty_like(shingles)
        for column in range(PERMUTATIONS):
            # An odd multiplier permutes the numbers of 32 bits; hashes are already well mixed.
            np.bitwise_xor(shingles, self._masks[column], out=permuted)
            np.multiply(permuted, self._multipliers[column], out=permuted)
            signatures[:, column] = np.minimum.reduceat(permuted, starts)
        return signatures

    def signatures(self) -> NDArray[uint32]:
        """Return the signatures of all texts, a row each, and hold them no longer."""
        import numpy as np

        if not self._signatures:
            return np.empty((0, PERMUTATIONS), np.uint32)
        joined = np.concatenate(self._signatures)
        self._signatures.clear()
        return joined

    def shingles(self, text: int) -> NDArray[uint32]:
        """Return the sorted shingle hashes of the text with this number."""
        chunk = bisect_right(self._firsts, text) - 1
        starts = self._starts[chunk]
        place = text - self._firsts[chunk]
        end = int(starts[place + 1]) if place + 1 < len(starts) else None
        return self._shingles[chunk][int(starts[place]) : end]

    def similarity(self, left: int, right: int) -> float:
        """Return the exact Jaccard similarity of two texts' shingle hashes."""
        import numpy as np

        few, many = sorted((self.shingles(left), self.shingles(right)), key=len)
        places = np.searchsorted(many, few)
        common = int(np.count_nonzero(many.take(places, mode="clip") == few))
        return common / (len(few) + len(many) - common)


def _permutations() -> tuple[NDArray[uint32], NDArray[uint32]]:
    """Return the odd multipliers and the masks of all permutations: constants, made up once."""
    import numpy as np

    # SplitMix64, written out: a library's random numbers may change with its version.
    state = np.arange(1, 2 * PERMUTATIONS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    numbers = (state >> np.uint64(32)).astype(np.uint32)
    return numbers[:PERMUTATIONS] | np.uint32(1), numbers[PERMUTATIONS:]


def _read(texts: Iterable[tuple[int, str]], report: Progress, expected: int) -> _Sketches:
    """Return the sketches of all texts, which are gone through once and not held."""
    sketches = _Sketches()
    for keys, words, lengths in _chunks(texts):
        sketches.add(keys, words, lengths)
        # Reading is the first half: the second goes through as many texts again.
        report(len(sketches), 2 * max(expected, len(sketches)))
    return sketches


def _chunks(
    texts: Iterable[tuple[int, str]],
) -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Yield the keys, the hashes of the words and the numbers of words of many texts at once."""
    hashes = _WordHashes()
    keys: list[int] = []
    words: list[int] = []
    lengths: list[int] = []
    for key, text in texts:
        before = len(words)
        words.extend(map(hashes.__getitem__, _words(text)))
        missing = SHINGLE_WORDS - (len(words) - before)
        if missing > 0:
            words.extend([_NO_WORD] * missing)
        keys.append(key)
        lengths.append(len(words) - before)
        if len(words) >= CHUNK_WORDS or len(keys) == CHUNK_TEXTS:
            yield keys, words, lengths
            keys, words, lengths = [], [], []
            if len(hashes) > HASHED_WORDS_MAX:
                hashes.clear()
    if keys:
        yield keys, words, lengths


def _words(text: str) -> list[str]:
    """Return what a text is compared by; of a text without words, what stands between spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _WORD.findall(text.casefold()) or text.split()


class _WordHashes(dict[str, int]):
    """The hash of every word met, made at its first use: texts repeat their words."""

    def __missing__(self, word: str) -> int:
        # `hash()` differs between processes.
        hashed = self[word] = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        return hashed


def _shingles(
    words: Sequence[int], lengths: Sequence[int]
) -> tuple[NDArray[uint32], NDArray[uint32]]:
    """Return the hashes of every text's shingles, each once and sorted, and where texts begin."""
    import numpy as np

    hashes = np.array(words, np.uint64)
    owners = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    last = len(hashes) - SHINGLE_WORDS + 1
    mixed = _mixed([hashes[place : place + last] for place in range(SHINGLE_WORDS)])
    # A shingle begins and ends in the same text.
    within = owners[:last] == owners[SHINGLE_WORDS - 1 :]
    # Sorted with the owner in front, all texts are sorted at once.
    found = (owners[:last] << np.uint64(32) | mixed >> np.uint64(32))[within]
    found.sort()
    first = np.ones(len(found), np.bool_)
    np.not_equal(found[1:], found[:-1], out=first[1:])
    found = found[first]
    starts = np.searchsorted(found, np.arange(len(lengths), dtype=np.uint64) << np.uint64(32))
    return found.astype(np.uint32), starts.astype(np.uint32)


def _mixed(columns: Sequence[NDArray[uint64]]) -> NDArray[uint64]:
    """Return a hash for every row of these columns, whose upper bits depend on all of it."""
    import numpy as np

    mixed = np.zeros_like(columns[0])
    for column in columns:
        mixed = (mixed ^ column) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    return mixed * np.uint64(0x94D049BB133111EB)


def _buckets(signatures: NDArray[uint32]) -> tuple[NDArray[uint32], int]:
    """Return the bucket of every text in every band, and how many buckets there are.

    Bucket 0 is where a text is alone, which most are: nothing is held for it.
    """
    import numpy as np

    buckets = np.zeros((len(signatures), BANDS), np.uint32)
    count = 1
    for band in range(BANDS):
        rows = signatures[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64)
        hashed = _mixed([rows[:, row] for row in range(ROWS)])
        _, places, sizes = np.unique(hashed, return_inverse=True, return_counts=True)
        shared = sizes > 1
        numbers = np.where(shared, np.cumsum(shared) + (count - 1), 0)
        buckets[:, band] = numbers[places]
        count += int(np.count_nonzero(shared))
    return buckets, count


def _grouped(sketches: _Sketches, threshold: float, report: Progress) -> list[Group]:
    """Return the groups: a text joins the kept one most like it, or is kept itself."""
    search = _Search(sketches, threshold)
    count = len(sketches)
    members: dict[int, list[tuple[int, float]]] = {}
    for begin in range(0, count, CHUNK_TEXTS):
        end = min(begin + CHUNK_TEXTS, count)
        for text in range(begin, end):
            found = search.place(text)
            if found is not None:
                kept, similarity = found
                members.setdefault(kept, []).append((sketches.keys[text], similarity))
        report(count + end, 2 * count)
    return [
        Group(kept=sketches.keys[kept], members=tuple(members[kept])) for kept in sorted(members)
    ]


class _Search:
    """The texts kept so far, by the buckets they are in."""

    def __init__(self, sketches: _Sketches, threshold: float) -> None:
        self._sketches = sketches
        self._threshold = threshold
        self._signatures = sketches.signatures()
        self._buckets, count = _buckets(self._signatures)
        self._kept: list[list[int] | None] = [None] * count

    def place(self, text: int) -> tuple[int, float] | None:
        """Return the kept text that this one is nearly the same as, or None and keep it."""
        buckets = [bucket for bucket in self._buckets[text].tolist() if bucket]
        candidates = {kept for bucket in buckets for kept in self._kept[bucket] or ()}
        found = self._most_similar(text, sorted(candidates)) if candidates else None
        if found is None:
            for bucket in buckets:
                self._keep(bucket, text)
        return found

    def _keep(self, bucket: int, text: int) -> None:
        """Note a kept text; in a bucket of many, the latest are the likelier to be alike."""
        kept = self._kept[bucket]
        if kept is None:
            self._kept[bucket] = [text]
            return
        if len(kept) == BUCKET_KEPT_MAX:
            del kept[0]
        kept.append(text)

    def _most_similar(self, text: int, candidates: Sequence[int]) -> tuple[int, float] | None:
        """Return the most similar candidate at or above the threshold, the earliest of equals."""
        best: tuple[int, float] | None = None
        for candidate in self._likeliest(text, candidates):
            similarity = self._sketches.similarity(candidate, text)
            if similarity < self._threshold:
                continue
            if best is None or (-similarity, candidate) < (-best[1], best[0]):
                best = (candidate, similarity)
        return best

    def _likeliest(self, text: int, candidates: Sequence[int]) -> list[int]:
        """Return the few candidates worth comparing exactly: their signatures agree the most."""
        import numpy as np

        if len(candidates) == 1:
            return list(candidates)
        agreeing = np.count_nonzero(
            self._signatures[np.array(candidates)] == self._signatures[text], axis=1
        ).tolist()
        enough = (self._threshold - ESTIMATE_MARGIN) * PERMUTATIONS
        likely = sorted(
            (-rows, candidate)
            for rows, candidate in zip(agreeing, candidates, strict=True)
            if rows >= enough
        )
        return [candidate for _, candidate in likely[:COMPARED_MAX]]
