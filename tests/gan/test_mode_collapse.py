"""Mode collapse is detected, and ordinary variation is not."""

from seqloom.gan.mode_collapse import DiversityStats, collapse_reason, diversity_stats


def decode(rows):
    return [" ".join(map(str, row)) for row in rows]


def test_similar_texts_are_less_diverse():
    diverse = diversity_stats([[at, at + 1, at + 2, at + 3] for at in range(0, 400, 4)], decode)
    similar = diversity_stats([[1, 2, 3, at % 3] for at in range(100)], decode)
    assert diverse.distinct == 1
    assert diverse.self_bleu < 0.1
    assert diverse.repeated == 0
    assert similar.distinct < 0.1
    assert similar.self_bleu > 0.9
    assert similar.repeated == 0.97
    assert "distinct bigrams fell from 1.00 to 0.02" in collapse_reason(similar, diverse)


def test_self_bleu_alone_shows_a_collapse():
    assert "self-BLEU rose from 0.10 to 0.40" in collapse_reason(
        DiversityStats(0.6, 0.4, 0.0), DiversityStats(0.6, 0.1, 0.0)
    )
    assert collapse_reason(DiversityStats(0.55, 0.15, 0.01), DiversityStats(0.6, 0.1, 0.0)) is None


def test_no_texts_have_no_diversity():
    assert diversity_stats([], decode) == DiversityStats(0.0, 0.0, 1.0)
