"""Collapse is seen, and ordinary change is not."""

from seqloom.gan.mode_collapse import DiversityStats, collapse_reason, diversity_stats


def spell(rows):
    return [" ".join(map(str, row)) for row in rows]


def test_texts_that_are_alike_are_less_varied():
    varied = diversity_stats([[at, at + 1, at + 2, at + 3] for at in range(0, 400, 4)], spell)
    alike = diversity_stats([[1, 2, 3, at % 3] for at in range(100)], spell)
    assert varied.distinct == 1
    assert varied.self_bleu < 0.1
    assert varied.repeated == 0
    assert alike.distinct < 0.1
    assert alike.self_bleu > 0.9
    assert alike.repeated == 0.97
    assert "distinct pairs fell from 1.00 to 0.02" in collapse_reason(alike, varied)


def test_self_bleu_alone_tells_too():
    assert "self-BLEU rose from 0.10 to 0.40" in collapse_reason(
        DiversityStats(0.6, 0.4, 0.0), DiversityStats(0.6, 0.1, 0.0)
    )
    assert collapse_reason(DiversityStats(0.55, 0.15, 0.01), DiversityStats(0.6, 0.1, 0.0)) is None


def test_no_texts_are_no_variety():
    assert diversity_stats([], spell) == DiversityStats(0.0, 0.0, 1.0)
