import gzip
from pathlib import Path

import pytest
import zstandard

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.compressed_files import BLOCK_BYTES, read_blocks
from seqloom.errors import SourceError

CONTENT = bytes(range(256)) * 9000  # 2.2 MiB: more than two blocks


def packed(kind: str) -> bytes:
    half = len(CONTENT) // 2
    frame = zstandard.ZstdCompressor(write_checksum=True).compress
    return {
        "plain": CONTENT,
        "gzip": gzip.compress(CONTENT),
        "gzip of two members": gzip.compress(CONTENT[:half]) + gzip.compress(CONTENT[half:]),
        "zstandard": frame(CONTENT),
        "zstandard of two frames": frame(CONTENT[:half]) + frame(CONTENT[half:]),
    }[kind]


@pytest.mark.parametrize("kind", ["plain", "gzip", "gzip of two members", "zstandard", "zstandard of two frames"])
def test_content_comes_back_in_whole_blocks_whatever_the_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(packed(kind))
    blocks = list(read_blocks(path))
    assert b"".join(blocks) == CONTENT
    assert {len(block) for block in blocks[:-1]} == {BLOCK_BYTES}


@pytest.mark.parametrize("content", [b"", b"\x1f", b"(\xb5/", b"a"])
def test_short_files_are_plain(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "short"
    path.write_bytes(content)
    assert b"".join(read_blocks(path)) == content


@pytest.mark.parametrize("kind", ["gzip", "zstandard"])
def test_a_file_that_ends_too_early_is_damaged(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cut"
    path.write_bytes(packed(kind)[:-5])
    with pytest.raises(SourceError, match="damaged"):
        list(read_blocks(path))


@pytest.mark.parametrize("kind", ["gzip", "zstandard"])
def test_altered_bytes_are_damage(tmp_path: Path, kind: str) -> None:
    content = bytearray(packed(kind))
    content[20:40] = bytes(20)
    path = tmp_path / "altered"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="damaged"):
        list(read_blocks(path))


def test_highly_compressible_content_still_comes_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "zeros.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(bytes(5 * BLOCK_BYTES + 1)))
    assert [len(block) for block in read_blocks(path)] == [BLOCK_BYTES] * 5 + [1]


def test_a_missing_file_is_a_plain_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*gone"):
        list(read_blocks(tmp_path / "gone"))


@pytest.mark.parametrize("kind", ["gzip", "zstandard", "zstandard of two frames"])
def test_content_above_the_limit_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(packed(kind))
    assert b"".join(read_blocks(path, max_bytes=len(CONTENT))) == CONTENT
    with pytest.raises(SourceError, match=r"bytes when it is opened: if it can be trusted, decompress it.*`max_size`"):
        list(read_blocks(path, max_bytes=len(CONTENT) - 1))


def test_a_file_that_is_not_compressed_has_no_limit(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(CONTENT)
    assert b"".join(read_blocks(path, max_bytes=10)) == CONTENT


def test_the_limit_is_a_reading_setting_and_no_part_of_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"some text " * 1000))
    with pytest.raises(SourceError, match="max_size"):
        open_corpus(path, ReadingConfig(max_size=1e-6))
    default = open_corpus(path)
    assert open_corpus(path, ReadingConfig(max_size=1, follow_links=True)).fingerprint == default.fingerprint


def test_a_wide_zstandard_window_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.zst"
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.write_bytes(compressor.compress(CONTENT) + compressor.flush())
    with pytest.raises(SourceError, match="window of more than 256 MiB"):
        list(read_blocks(path))
