from hypothesis import given
from hypothesis import strategies as st

from seqloom.codecs.bytes import ByteCodec


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_ids_are_the_bytes_themselves(text):
    assert ByteCodec().encode_text(text).tolist() == list(text.encode())


def test_the_corpus_is_not_read(make_corpus):
    corpus = make_corpus("text", separate=True)
    corpus.documents = None
    assert ByteCodec.fit(corpus).boundary == 256
