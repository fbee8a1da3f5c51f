"""Pools: disjoint parts of one table, so that a judge of generated text never saw the generator's training data.

The pool of a row is a hash of its group alone, or of its text where there is no group: it is the same in every command
and for every order of the rows.
"""

from hashlib import blake2b
from itertools import accumulate

__all__ = ["POOLS", "pool_of"]

POOLS = {"generator": 0.4, "critic": 0.3, "judge": 0.2, "detector-train": 0.05, "detector-test": 0.05}
"""Share of a table in each pool."""


def pool_of(label: str) -> str:
    """Return the pool of a group or a text.

    Args:
        label: the group, or the text.
    """
    digest = blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8, person=b"seqloom pool").digest()
    share = int.from_bytes(digest, "little") / 2**64
    ends = accumulate(POOLS.values())
    return next((name for name, end in zip(POOLS, ends, strict=True) if share < end), "generator")
