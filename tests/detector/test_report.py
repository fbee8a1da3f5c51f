"""The report of a detector: its figures against scikit-learn's, its page against hostile texts."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from seqloom.detector.detector import Detector
from seqloom.detector.evaluate import evaluate_detector
from seqloom.detector.explanation import Token
from seqloom.detector.html import PageSection, colored_words, document, paragraph, table
from seqloom.detector.html_report import render_page, report_detector
from seqloom.detector.html_sections import calibration_verdict
from seqloom.detector.labelled_figures import LENGTH_GROUPS
from seqloom.detector.members import LIGHT_MEMBERS
from seqloom.detector.report import CalibrationBin, report_to_json
from seqloom.detector.stacks import SUM_OF_BASELINES
from seqloom.detector.storage import load_detector, save_detector
from seqloom.errors import ConfigError, SourceError
from seqloom.evaluation.classification_metrics import Interval

WORDS = ("the", "soup", "was", "and", "we", "came", "again", "table", "warm", "waiter", "slow", "bread", "nice", "too")
HOSTILE = (
    "<script>alert(1)</script> & the \"soup\" was </p></article><img src=http://evil/x onerror='go()'> warm and nice"
)


def write_texts(number: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Real texts go through the words in a cycle, with leaps; generated ones draw them at random."""
    random, texts = np.random.default_rng(seed), []
    for index in range(number):
        place, words = int(random.integers(len(WORDS))), []
        for _ in range(int(random.integers(3, 40))):
            leap = index % 2 == 1 or random.random() < 0.5
            place = int(random.integers(len(WORDS))) if leap else (place + 1) % len(WORDS)
            words.append(WORDS[place])
        texts.append(" ".join(words).capitalize() + ".")
    return texts, np.arange(number) % 2 == 1


def write_table(path, rows, header):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("detectors") / "d"
    save_detector(Detector(encoder=False).fit(*write_texts(200, 0)), place, {"real": "elsewhere.csv", "reading": {}})
    return place


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Texts that the detector has not seen: both sides with a label, and each side by itself."""
    place = tmp_path_factory.mktemp("tables")
    texts, generated = write_texts(300, 1)
    texts[0] = HOSTILE
    towns = ["<b>Rome</b>" if number % 3 else "Oslo" for number in range(300)]
    header = ("text", "town", "made")
    rows = list(zip(texts, towns, generated.astype(int), strict=True))
    return {
        "both": write_table(place / "both.csv", rows, header),
        "real": write_table(place / "real.csv", [row for row in rows if not row[2]], header),
        "made": write_table(place / "made.csv", [row for row in rows if row[2]], header),
        "texts": texts,
        "generated": generated,
    }


@pytest.fixture(scope="module")
def report(folder, tables):
    return evaluate_detector(folder, tables["both"], text="text", label="made", by=["town"], base_rate=0.2)


def test_figures_are_those_of_scikit_learn(report, folder, tables):
    judge = load_detector(folder, lambda _: None)
    found = judge.score_texts(tables["texts"], base_rate=0.2)
    truth, chance = tables["generated"][~found.too_short], found.probabilities[~found.too_short]
    assert (report.num_real, report.num_generated, report.num_too_short) == (
        int((~truth).sum()), int(truth.sum()), int(found.too_short.sum()),
    )  # fmt: skip
    assert report.num_too_short > 0
    assert report.overall.roc_auc.value == pytest.approx(roc_auc_score(truth, chance))
    alarms, hits, _ = roc_curve(truth, chance, drop_intermediate=False)
    for share, one in report.overall.true_positive_rates.items():
        assert one.value == pytest.approx(hits[alarms <= share].max())
        assert one.low <= one.value <= one.high
    balance = np.where(truth, 0.2 / truth.sum(), 0.8 / (~truth).sum())
    assert report.overall.brier_score.value == pytest.approx(brier_score_loss(truth, chance, sample_weight=balance))
    light = judge.score_texts(tables["texts"], light=True).probabilities[~found.too_short]
    methods = {method.name: method for method in report.methods}
    assert set(methods) == {"the detector", "light members", *LIGHT_MEMBERS, SUM_OF_BASELINES, "length alone"}
    assert methods["light members"].roc_auc.value == pytest.approx(roc_auc_score(truth, light))
    assert methods["length alone"].roc_auc.value == pytest.approx(
        max(roc_auc_score(truth, sign * np.array([len(text.split()) for text in tables["texts"]])[~found.too_short])
            for sign in (1, -1))
    )  # fmt: skip


def test_subgroups_cover_all_texts(report, tables):
    assert [group.name for group in report.length_groups] == list(LENGTH_GROUPS)
    for groups in (report.length_groups, report.column_groups["town"]):
        assert sum(group.num_real for group in groups) == report.num_real
        assert sum(group.num_generated for group in groups) == report.num_generated
    assert report.length_groups[3].roc_auc is None
    assert {group.name for group in report.column_groups["town"]} == {"Oslo", "<b>Rome</b>"}


def test_flagged_texts_by_real_people_follow_from_bayes(report):
    truth = report.labels
    for rule, share in zip(report.flagging_rules, (0.01, 0.001, None), strict=True):
        flagged = report.probabilities >= rule.threshold - 1e-12
        assert rule.false_positive_rate.value == pytest.approx(flagged[~truth].mean())
        assert rule.true_positive_rate == pytest.approx(flagged[truth].mean())
        assert share is None or rule.false_positive_rate.value <= share
        wrong, right = 0.8 * flagged[~truth].mean(), 0.2 * flagged[truth].mean()
        assert rule.real_per_1000_flagged.value == pytest.approx(1000 * wrong / (wrong + right))
        assert rule.real_per_1000_flagged.low <= rule.real_per_1000_flagged.value <= rule.real_per_1000_flagged.high


def test_texts_of_every_kind_are_shown_once(report):
    kinds = [one.kind for one in report.examples]
    usual = {"Judged generated, correctly", "Judged real, correctly", "Least certain"}
    assert usual <= set(kinds)
    assert all(kinds.count(kind) <= 3 for kind in kinds)
    assert len({one.text for one in report.examples}) == len(report.examples)
    for one in report.examples:
        right = (one.explanation.probability > 0.5) == one.generated
        assert "Least" in one.kind or right == ("correctly" in one.kind)


def test_numbers_go_into_json(report):
    stored = json.loads(json.dumps(report_to_json(report), allow_nan=False))
    assert stored["overall"]["roc_auc"]["value"] == report.overall.roc_auc.value
    assert "examples" not in stored
    assert stored["quantiles"]["0.5"] == np.median(report.probabilities)
    assert len(stored["bins"]) == len(report.bins)


def test_two_sources_say_what_one_with_labels_says(report, folder, tables):
    found = evaluate_detector(folder, tables["real"], text="text", generated=tables["made"], by=["town"], base_rate=0.2)
    assert found.overall.roc_auc.value == pytest.approx(report.overall.roc_auc.value)
    assert found.column_groups["town"][0].roc_auc.value == pytest.approx(report.column_groups["town"][0].roc_auc.value)


def test_sides_can_be_cut_to_like_lengths(folder, tables, tmp_path):
    long = write_table(tmp_path / "long.csv", [[f"{text} {text} {text}"] for text in tables["texts"][2::2]], ["text"])
    settings = {"text": "text", "generated": tables["made"]}
    plain = evaluate_detector(folder, long, **settings)
    assert any("differ in length" in line for line in plain.warnings)
    matched = evaluate_detector(folder, long, matched=True, **settings)
    assert next(method for method in matched.methods if method.name == "length alone").roc_auc.value < 0.55
    assert not any("differ in length" in line for line in matched.warnings)


def test_figures_that_are_too_good_cause_warnings(tables, folder, tmp_path):
    place = tmp_path / "d"
    origin = {"real": str(tables["real"]), "generated": [str(tables["made"])], "reading": {"pool": None}}
    save_detector(load_detector(folder, lambda _: None), place, origin)
    found = evaluate_detector(place, tables["real"], text="text", generated=tables["made"])
    assert sum("too good" in line for line in found.warnings) == 3
    assert any(line.startswith("The detector was trained on ") for line in found.warnings)
    both = evaluate_detector(folder, tables["real"], text="text", generated=tables["real"])
    assert any("are also among the real ones" in line for line in both.warnings)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


SVG_TAGS = {"svg", "g", "defs", "clippath", "rect", "path", "use", "text", "line"}


def read_page(written: str) -> _Tags:
    tags = _Tags()
    tags.feed(written)
    tags.close()
    assert tags.open == []
    assert {tag for tag, _ in tags.seen} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "a", "span"),
        *("nav", "section", "figure", "figcaption", "div", "article"),
        *("table", "thead", "tbody", "tr", "th", "td"),
        *SVG_TAGS,
    }
    for tag, attributes in tags.seen:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert tag in SVG_TAGS or "style" not in attributes
        assert all(value.startswith("#") for name, value in attributes.items() if name.endswith("href"))
    return tags


def test_the_page_asks_nothing_of_the_network_and_runs_no_text(folder, tables, tmp_path):
    """Among few texts the hostile one is shown, and so is the hostile town."""
    rows = [(HOSTILE, "<b>Rome</b>", 0), *((text, "Oslo", 1) for text in tables["texts"][1:20:2])]
    few = write_table(tmp_path / "few.csv", rows, ("text", "town", "made"))
    written = render_page(evaluate_detector(folder, few, text="text", label="made", by=["town"], base_rate=0.05))
    tags = read_page(written)
    assert HOSTILE in "".join(tags.said)
    assert "<b>Rome</b>" in tags.said
    assert "http:" not in re.sub(r"&lt;img src=http://evil", "", written)
    assert sum("aria-label" in attributes for tag, attributes in tags.seen if tag == "svg") == 5
    said = " ".join(tags.said)
    for part in ("area under the ROC curve", "of 1,000 flagged texts", "only evidence against a person", "By town"):
        assert part in said


def test_without_labels_there_are_scores_and_texts_alone(folder, tables):
    found = evaluate_detector(folder, tables["both"], text="text")
    assert (found.overall, found.num_generated, found.methods) == (None, None, ())
    tags = read_page(render_page(found))
    said = " ".join(tags.said)
    assert sum("aria-label" in attributes for tag, attributes in tags.seen if tag == "svg") == 1
    assert "is unknown" in said
    assert "only evidence against a person" in said
    assert "area under" not in said
    assert "Actual label" not in said


def test_a_word_has_the_probability_of_its_tokens():
    tokens = (Token("<", 0.9, 0), Token("a ", 0.001, 41), Token('"☃ '), Token("lo", 0.5, 1), Token("ng", 0.25, 2))
    written = colored_words(tokens, 8)
    tags = read_page(document("a & b", [written], [], "end"))
    spans = [attributes for tag, attributes in tags.seen if tag == "span"]
    assert [one.get("class") for one in spans] == ["s4", None, "s1"]
    assert [one["title"] for one in spans] == ["0.09 %", "not scored", "12 %"]
    assert "<a" in "".join(tags.said)
    assert "… and 2 more characters" in written
    assert "&lt;" in paragraph("<")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("t|h|e| |c|a|t", ["the ", "cat"]),
        ("the| cat| sat|.", ["the", " cat", " sat."]),
        (" |a|\n|\n|b", [" ", "a\n\n", "b"]),
        ("", []),
    ],
)
def test_the_words_of_tokens(tokens, words):
    pieces = [Token(text, 0.5, 0) for text in tokens.split("|") if text]
    written = colored_words(pieces, 100)
    assert re.findall("<span[^>]*>([^<]*)", written) == words


def test_numbers_are_aligned_to_the_right_and_a_table_has_a_box():
    written = table("a & b", ("<", "n", "u"), [("a", "3 % (1 % to 5 %)", "<i>"), ("b", "", "2")])
    assert '<td class="number">3 % (1 % to 5 %)</td><td>&lt;i&gt;</td>' in written
    assert '<th scope="col">&lt;</th><th scope="col" class="number">n</th>' in written
    assert re.search('<div class="scroll"[^>]*><table>', written)


def test_a_page_lists_its_sections():
    tags = read_page(document("t", [], [PageSection("A & b", ["<p>x</p>"]), PageSection("c", [])], "end"))
    anchors = [attributes["href"] for tag, attributes in tags.seen if tag == "a"]
    assert anchors == [f"#{attributes['id']}" for tag, attributes in tags.seen if tag == "section"]
    assert tags.said.count("A & b") == 2


def test_without_a_base_rate_false_alarms_are_shown_for_a_realistic_one(folder, tables, report):
    without_base_rate = evaluate_detector(folder, tables["both"], text="text", label="made")
    assert (without_base_rate.base_rate, without_base_rate.rare_base_rate) == (0.5, 0.02)
    assert (report.base_rate, report.rare_base_rate) == (0.2, None)
    for rule in without_base_rate.flagging_rules:
        wrong, right = 0.98 * rule.false_positive_rate.value, 0.02 * rule.true_positive_rate
        assert rule.real_per_1000_if_rare.value == pytest.approx(1000 * wrong / (wrong + right))
    said = " ".join(read_page(render_page(without_base_rate)).said)
    assert "Suppose that 2 % of all texts are generated" in said
    assert "real among 1,000 flagged, if 2 % are generated" in said
    assert "real among 1,000 flagged, if 50 % are generated" in said
    with_base_rate = " ".join(read_page(render_page(report)).said)
    assert "Suppose that 20 % of all texts are generated" in with_base_rate
    assert "if 2 % are" not in with_base_rate


@pytest.mark.parametrize(
    ("error", "bins", "verdict", "is_off"),
    [
        ((0.02, 0.01, 0.03), [(0.5, 0.4, 0.6)], "can be read as probabilities", False),
        ((0.02, 0.01, 0.03), [(0.5, 0.7, 0.9)], "about 50 %, 80 % of the texts were generated", False),
        ((0.04, 0.01, 0.08), [], "with care", False),
        ((0.2, 0.1, 0.3), [(0.5, 0.7, 0.9)], "Do not read the scores as probabilities", True),
    ],
)
def test_calibration_has_a_plain_verdict(report, error, bins, verdict, is_off):
    shown = [CalibrationBin(mean, Interval((low + high) / 2, low, high), 9) for mean, low, high in bins]
    changed = replace(report, bins=shown, overall=replace(report.overall, calibration_error=Interval(*error)))
    line, warns = calibration_verdict(changed)
    assert verdict in line
    assert warns == is_off
    assert render_page(changed).count("Do not read the scores as probabilities") == 2 * is_off


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"text": "test"}, SourceError, "has no column 'test': .*did you mean 'text'"),
        ({"label": "mad"}, SourceError, "has no column 'mad'"),
        ({"label": "town"}, ConfigError, "`label` town holds '(oslo|<b>rome</b>)': use 1 for a generated text"),
        ({"by": ["city"]}, SourceError, "has no column 'city'"),
        ({"label": "made", "generated": "made"}, ConfigError, "use one of them"),
        ({"matched": True}, ConfigError, "`matched` needs labelled texts"),
        ({"base_rate": 0.0}, ConfigError, "`base_rate` got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder, tables, settings, error, said):
    if "generated" in settings:
        settings = {**settings, "generated": tables["made"]}
    with pytest.raises(error, match=said):
        evaluate_detector(folder, tables["both"], **{"text": "text", **settings})


def test_labels_of_one_side_are_no_labels(folder, tables, tmp_path):
    with pytest.raises(ConfigError, match="says that all texts are real"):
        evaluate_detector(folder, tables["real"], text="text", label="made")
    empty = write_table(tmp_path / "e.csv", [("some text of a few words", ""), ("another", "")], ("text", "made"))
    with pytest.raises(ConfigError, match="is empty everywhere"):
        evaluate_detector(folder, empty, text="text", label="made")
    short = write_table(tmp_path / "s.csv", [("two words",), ("a b",)], ("text",))
    with pytest.raises(ConfigError, match="no text of 5 words"):
        evaluate_detector(folder, short, text="text")


def test_a_page_is_replaced_only_on_request(folder, tables, tmp_path):
    output = tmp_path / "page.html"
    output.write_text("mine")
    with pytest.raises(ConfigError, match="already exists"):
        report_detector(folder, tables["real"], text="text", output=output)
    assert output.read_text() == "mine"
    report_detector(folder, tables["real"], text="text", output=output, overwrite=True)
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(ConfigError, match="is a folder"):
        report_detector(folder, tables["real"], text="text", output=tmp_path)
