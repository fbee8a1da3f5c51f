import json
import os
import subprocess
import sys

import pytest

from seqloom.codecs import subwords
from seqloom.codecs.subwords import SubwordCodec
from seqloom.errors import CodecError

TEXT = "low lower lowest new newer newest wide wider widest; " * 20


def test_frequent_words_become_one_token(make_corpus):
    codec = SubwordCodec.fit(make_corpus(TEXT))
    assert b" newest" in codec.token_bytes
    assert [codec.token_bytes[index] for index in codec.encode_text(" newest")] == [b" newest"]
    assert len(codec.encode_text(TEXT)) < len(TEXT) / 4


def test_merges_never_cross_a_word_and_need_to_be_seen_twice(make_corpus):
    codec = SubwordCodec.fit(make_corpus("abcd abcd wxyz"))
    assert b" abcd" in codec.token_bytes or b"abcd" in codec.token_bytes
    assert not any(b"wx" in spelled for spelled in codec.token_bytes)
    assert not any(b" " in spelled[1:] for spelled in codec.token_bytes)


def test_the_default_cap_is_2048_ids(make_corpus):
    text = " ".join(f"{number:x}" for number in range(20_000))
    codec = SubwordCodec.fit(make_corpus(text, text, separate=True))
    assert len(codec) == 2_048
    assert codec.boundary == 2_047


def test_large_corpora_are_sampled_evenly(make_corpus, monkeypatch):
    monkeypatch.setattr(subwords, "_SAMPLE_CHARACTERS", 100)
    monkeypatch.setattr(subwords, "_SAMPLE_BLOCK_CHARACTERS", 10)
    text = "".join(f"{number:09d} " for number in range(1_000))
    kept = [int(block) for block in subwords._sample_blocks(make_corpus((text[:5_000], text[5_000:])))]
    assert 5 <= len(kept) <= 10
    assert kept == list(range(0, 1_000, kept[1] - kept[0]))


def test_fitting_is_the_same_in_another_process_and_quiet(make_corpus):
    code = (
        "import os, json\n"
        "from seqloom.codecs.subwords import SubwordCodec, _fit_tokenizer\n"
        f"tokenizer = _fit_tokenizer([{TEXT!r}], 400)\n"
        "codec = SubwordCodec(tokenizer, None)\n"
        "codec.encode_text('before')\n"
        "child = os.fork()\n"
        "codec.encode_text('after')\n"
        "if child: os.waitpid(child, 0); print(codec.fingerprint)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() == SubwordCodec.fit(make_corpus(TEXT), vocabulary=400).fingerprint


def test_describing_and_decoding_do_not_import_the_library(make_corpus):
    stored = json.dumps(SubwordCodec.fit(make_corpus(TEXT)).to_json())
    code = (
        "import json, sys\n"
        "from seqloom.codecs import codec_from_json\n"
        "codec = codec_from_json(json.load(sys.stdin))\n"
        "assert codec.decode_text([0, 1, 2])\n"
        "assert 'tokenizers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], input=stored, text=True, check=True)


def test_a_tokenizer_that_does_not_load_is_one_line(make_corpus):
    stored = SubwordCodec.fit(make_corpus(TEXT)).to_json()
    stored["tokenizer"]["model"]["merges"][0] = ["nothing", "known"]
    with pytest.raises(CodecError, match="does not load"):
        SubwordCodec.from_json(stored).encode_text("text")


def test_byte_values_match_the_library(make_corpus):
    from tokenizers.pre_tokenizers import ByteLevel

    assert set(subwords._byte_values()) == set(ByteLevel.alphabet())
    byte_level = ByteLevel(add_prefix_space=False, use_regex=False)
    text = "".join(map(chr, range(0x300)))
    ((mapped, _),) = byte_level.pre_tokenize_str(text)
    assert bytes(subwords._byte_values()[symbol] for symbol in mapped) == text.encode()
