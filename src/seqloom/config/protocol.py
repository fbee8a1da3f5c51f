"""How much context a model has for each token of a text whose likelihood is measured."""

from dataclasses import dataclass

from seqloom.config.base import validate

__all__ = ["Protocol"]


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol: full context (the default), blocks, or windows.

    In full context, all tokens of a text are scored, the first one after the start token (the boundary, or what stands
    for it), as `score_text` and `score_source` do. Blocks and windows leave out the tokens at their start.

    Attributes:
        blocks: tokens per block; every block is read from the zero state, and all its tokens are scored. 0 for off.
        windows: tokens per window; every window is read from the zero state, and only the token after it is scored. 0
            for off.
        stride: distance from the start of one window to the start of the next, in tokens.
    """

    blocks: int = 0
    windows: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        validate(
            (not (self.blocks and self.windows), "`blocks` and `windows` contradict each other: choose one"),
            *(
                (size >= 0, f"`{name}` got {size}: choose 0 (off), or 1 or more")
                for name, size in (("blocks", self.blocks), ("windows", self.windows))
            ),
            (self.stride == 1 or self.windows > 0, "`stride` is the distance between windows: use it with `windows`"),
            (self.stride >= 1, f"`stride` got {self.stride}: choose 1 or more"),
        )

    def __str__(self) -> str:
        if self.blocks:
            return f"blocks of {self.blocks}"
        if self.windows:
            return f"windows of {self.windows}, stride {self.stride}"
        return "full context"
