"""Chess games in PGN as a plug-in of seqloom: a format, a codec and a writer, found by their entry points.

pip install examples/pgn
seqloom train games.pgn --run runs/games
seqloom generate runs/games --prompt "e4 e5 Nf3" -o game.pgn
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from seqloom.codecs.named_tokens import NamedTokens
from seqloom.config import ReadingConfig
from seqloom.corpora import Document
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format
from seqloom.corpora.sources import SourceFile

NOT_MOVES = re.compile(r"\[[^\]]*\]|\{[^}]*\}|;.*|\$\d+|\d+\.+|1-0|0-1|1/2-1/2|\*")
MOVE = re.compile(r"(?:[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8](?:=[QRBN])?|O-O(?:-O)?)[+#]?")


@dataclass(frozen=True)
class Game:
    """A game: its moves in the usual notation, such as "Nf3"."""

    kind: ClassVar[str] = "games"
    default_level: ClassVar[str] = "moves"
    moves: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PgnFile(Format):
    """A file of games, each of which begins with its tags."""

    name, payload_type, separates_documents = "pgn", Game, True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        content = b"".join(source_file.read_blocks())
        file = cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())
        if not any(file.documents(reading, None, Counter())):
            raise Refused("file without games", f"{source_file.name} has no chess game in PGN: choose another file")
        return file

    def documents(self, reading: ReadingConfig, ratings: Any, tally: Counter[str]) -> Iterator[Document]:
        text = b"".join(self.source_file.read_blocks()).decode("utf-8", "replace")
        for part in re.split(r"\n\s*\n(?=\[)", text):
            moves = tuple(NOT_MOVES.sub(" ", part).split())
            if moves and all(map(MOVE.fullmatch, moves)):
                yield Document(Game(moves))
            else:
                tally["game with moves that are not PGN"] += bool(moves)


class MovesCodec(NamedTokens[Game]):
    """One token for each move."""

    level, payload_type, unit = "moves", Game, "move"

    @classmethod
    def names_of(cls, payload: Game) -> Sequence[str]:
        return payload.moves

    @classmethod
    def payload_of(cls, names: Iterable[str]) -> Game:
        return Game(tuple(names))

    @classmethod
    def is_unit(cls, name: str) -> bool:
        return True


def write_pgn(game: Game, path: Path) -> None:
    """Write a game as a file in PGN."""
    numbered = (f"{index // 2 + 1}. {move}" if index % 2 == 0 else move for index, move in enumerate(game.moves))
    path.write_text(f'[Event "generated"]\n\n{" ".join(numbered)} *\n', encoding="utf-8")
