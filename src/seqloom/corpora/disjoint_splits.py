"""Pools: disjoint parts of one table, so that a judge of generated text never saw the generator's training data.

Each model (the generator, the critic that filters its texts, the judge, the detector) reads the pool with its name. A
hash of the row's group or, where the row has no group, of its text chooses the pool of a row. A row is therefore in the
same pool in every command and for every order of the rows.
"""

from hashlib import blake2b
from itertools import accumulate

__all__ = ["POOLS", "pool_of"]

POOLS = {"generator": 0.4, "critic": 0.3, "judge": 0.2, "detector-train": 0.05, "detector-test": 0.05}
"""Share of a table in each pool, by the name of the pool."""


def pool_of(label: str) -> str:
    """Return the pool of a table row.

    Args:
        label: "=" and the group of the row; for a row without a group, its text.
    """
    digest = blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8, person=b"seqloom pool").digest()
    position = int.from_bytes(digest, "little") / 2**64  # uniform from 0 to 1
    pool_ends = accumulate(POOLS.values())  # the last end may be rounded to less than 1, hence the default below
    return next((name for name, end in zip(POOLS, pool_ends, strict=True) if position < end), "generator")
