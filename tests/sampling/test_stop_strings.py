from hypothesis import given
from hypothesis import strategies as st

from seqloom.sampling.stop_strings import TextBuffer, find_stop, partial_stop_length

few = st.lists(st.sampled_from(b"ab"), max_size=12).map(bytes)
stops_of = st.lists(st.lists(st.sampled_from(b"ab"), min_size=1, max_size=4).map(bytes), max_size=3).map(tuple)


def byte_by_byte(data, stops, start):
    """The definition: bytes come one by one until a stop string stands at the end."""
    for end in range(start, len(data) + 1):
        ending = [len(stop) for stop in stops if end - len(stop) >= start and data[:end].endswith(stop)]
        if ending:
            return end - max(ending)
    return None


@given(few, stops_of, st.integers(0, 12))
def test_the_first_stop_string_to_end_decides(data, stops, start):
    start = min(start, len(data))
    assert find_stop(data, stops, start) == byte_by_byte(data, stops, start)


@given(few, few, stops_of)
def test_a_stop_string_may_begin_in_the_prompt_but_not_end_there(before, data, stops):
    expected = None
    for end in range(1, len(data) + 1):
        ending = [len(stop) for stop in stops if (before + data[:end]).endswith(stop)]
        if ending:
            expected = max(0, end - max(ending))
            break
    assert find_stop(data, stops, 0, before) == expected


@given(few, stops_of, st.integers(0, 12))
def test_exactly_what_may_begin_a_stop_string_is_partial_stop_length(data, stops, start):
    start = min(start, len(data))
    counts = [
        count
        for stop in stops
        for count in range(1, min(len(stop) - 1, len(data) - start) + 1)
        if data.endswith(stop[:count])
    ]
    assert partial_stop_length(data, stops, start) == max(counts, default=0)


pieces_of = st.lists(st.binary(max_size=3) | st.sampled_from([b"a", b"ab", b"\xc3", b"\xa9", "é".encode()]), max_size=9)


@given(few, pieces_of, stops_of | st.just(("é".encode(),)))
def test_pieces_after_a_prompt_are_never_taken_back(before, pieces, stops):
    buffer, shown, written = TextBuffer(stops, before), "", b""
    buffer.enable_stops()
    for piece in pieces:
        written += piece
        shown += buffer.add(piece)
        cut = find_stop(written, stops, 0, before)
        assert buffer.stopped == (cut is not None)
        if cut is not None:
            assert shown == written[:cut].decode("utf-8", "replace")
            return
        safe = max(0, len(written) - partial_stop_length(before + written, stops))
        assert shown.replace("\ufffd", "") == written[:safe].decode("utf-8", "ignore")
    assert shown + buffer.finish() == written.decode("utf-8", "replace")


@given(pieces_of, stops_of | st.just(("é".encode(),)), st.integers(0, 4))
def test_pieces_are_never_taken_back(pieces, stops, quiet):
    """Pieces add up to the decoded text before the first stop string, and come as early as they can."""
    buffer, shown, written = TextBuffer(stops), "", b""
    floor = None
    for count, piece in enumerate(pieces):
        if count >= quiet:
            buffer.enable_stops()
            floor = len(written) if floor is None else floor
        written += piece
        shown += buffer.add(piece)
        cut = None if floor is None else byte_by_byte(written, stops, floor)
        assert buffer.stopped == (cut is not None)
        if cut is not None:
            assert shown == written[:cut].decode("utf-8", "replace")
            assert buffer.finish() == ""
            return
        safe = len(written) - (0 if floor is None else partial_stop_length(written, stops, floor))
        assert shown.replace("\ufffd", "") == written[:safe].decode("utf-8", "ignore")
    assert shown + buffer.finish() == written.decode("utf-8", "replace")


def test_a_stop_string_across_tokens_never_shows():
    buffer = TextBuffer((b"\n\n",))
    buffer.enable_stops()
    assert [buffer.add(piece) for piece in (b"one", b"\n", b"two\n", b"\nthree")] == ["one", "", "\ntwo", ""]
    assert buffer.stopped


def test_half_a_character_waits_for_the_rest():
    buffer = TextBuffer(())
    assert [buffer.add(piece) for piece in (b"\xf0\x9f", b"\x98", b"\x80!", b"\xc3")] == ["", "", "😀!", ""]
    assert buffer.finish() == "\ufffd"
