from hypothesis import given
from hypothesis import strategies as st

from seqloom.sampling.constraints import BannedStrings, CallbackConstraint, Constraint

few = st.lists(st.sampled_from(b"ab"), max_size=8).map(bytes)
strings = st.lists(st.lists(st.sampled_from(b"ab"), min_size=1, max_size=4).map(bytes), min_size=1, max_size=4)
TOKENS = [b"", b"a", b"b", b"ab", b"ba", b"bb", b"abab", b"aabb"]


@given(few, strings)
def test_bans_refuse_exactly_what_completes_a_banned_string(written, banned):
    if any(string in written for string in banned):
        return
    expected = [not any(string in written + token for string in banned) for token in TOKENS]
    for kind in (bytes, bytearray):
        assert BannedStrings(banned, TOKENS).allowed(kind(written)).tolist() == expected


def test_a_ban_may_lie_inside_a_character():
    bans = BannedStrings(["é".encode()], [b"\xc3", b"\xa9", b"e"])
    assert bans.allowed(b"caf").tolist() == [True, True, True]
    assert bans.allowed(b"caf\xc3").tolist() == [True, False, True]


def test_masks_belong_to_the_caller():
    bans = BannedStrings([b"a"], TOKENS)
    bans.allowed(b"")[:] = True
    assert not bans.allowed(b"")[1]


def test_a_guard_sees_the_text_and_each_candidate():
    calls = []

    def guard(written, candidate):
        calls.append((written, candidate))
        return len(written + candidate) <= 4

    guarded = CallbackConstraint(guard, TOKENS)
    assert guarded.allowed(bytearray(b"abc")).tolist() == [len(token) < 2 for token in TOKENS]
    assert calls == [(b"abc", token) for token in TOKENS]
    assert all(type(written) is bytes for written, _ in calls)


def test_ending_is_never_refused():
    for constraint in (BannedStrings([b"a"], TOKENS), CallbackConstraint(lambda written, candidate: False, TOKENS)):
        assert isinstance(constraint, Constraint)
        assert constraint.may_end(b"b")
        assert constraint.finish_reason == "stop"
