import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from seqloom.display.live_panel import _clipped, one_line, panel, spark_rows
from seqloom.display.metrics import Tally
from seqloom.training.events import Epoch, Finished, RolledBack, Started, Step, Validated


def drawn(tally, samples, width, title="names"):
    console = Console(width=width, file=None, record=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(panel(tally, samples, title, width))
    return capture.get()


def midway():
    tally = Tally(1.0, "characters")
    tally(Started(step=0, total_steps=2000, steps_per_epoch=580, tokens_per_step=1024))
    for step in range(1, 1241):
        tally(Step(step=step, loss=1 + 3 / step, learning_rate=0.1, seconds=step / 100, tokens=1024 * step))
    tally(Validated(step=1000, loss=1.2, best=True, seconds=10))
    tally(Validated(step=1200, loss=1.25, best=False, seconds=12))
    tally(Epoch(epoch=2, step=1160, seconds=12))
    return tally


def test_says_what_a_person_wants_to_know():
    text = drawn(midway(), {0.2: "the same", 1.0: "quiver"}, 100)
    for fact in (
        "names",
        "62 %",
        "left",
        "step 1,240 of 2,000",
        "epoch 3",
        "102,000 characters/s",
        "loss        1.0",
        "validation  1.250 nats",
        "best        1.200 nats",
        "T 0.2 the same",
        "T 1   quiver",
    ):
        assert fact in text


def test_the_end_is_shown_full():
    tally = midway()
    tally(Finished(step=2000, reason="done", best_loss=1.2, seconds=20))
    text = drawn(tally, {}, 80)
    assert "100 %  done" in text
    assert "3.4 epochs" in text
    assert "left" not in text


@pytest.mark.parametrize(
    ("step", "said"), [(580, "1 epoch"), (464, "0.8 epochs"), (6, "0.01 epochs"), (1160, "2 epochs"), (0, "0 epochs")]
)
def test_the_end_counts_parts_of_an_epoch(step, said):
    tally = midway()
    tally(Finished(step=step, reason="interrupted", best_loss=1.2, seconds=20))
    assert f"· {said} ·" in drawn(tally, {}, 100)


def test_the_chart_says_what_it_shows():
    lines = drawn(midway(), {}, 80).splitlines()
    caption = next(number for number, line in enumerate(lines) if "┌ training loss" in line)
    edge = lines[caption].index("┌")
    assert [line[edge] for line in lines[caption + 1 : caption + 4]] == ["│"] * 3


def test_draws_before_the_first_step_and_after_a_rollback():
    tally = Tally(1.0, "characters")
    tally(Started(step=0, total_steps=20, steps_per_epoch=5, tokens_per_step=8))
    assert "starting" in drawn(tally, {}, 80)
    tally(RolledBack(step=9, to_step=0, loss=9.9, rate_factor=0.5))
    assert "step 0 of 20" in drawn(tally, {}, 80)


@pytest.mark.parametrize("width", [24, 36, 60, 80, 110, 300])
def test_every_line_fits_the_terminal(width):
    samples = {0.2: "日本語の本" * 60, 0.5: "word " * 90, 1.0: "a\nb\t\x1b[2J" * 50, 1.2: "x" * 500}
    lines = drawn(midway(), samples, width, title="t" * 200).splitlines()
    assert {cell_len(line) for line in lines} == {min(width, 110)}
    assert len(lines) <= 2 + 2 + 4 + 1 + 8


def test_markup_in_samples_and_titles_is_text():
    text = drawn(midway(), {1.0: "[bold]no[/bold] :smile:"}, 80, title="[red]t")
    assert "[bold]no[/bold] :smile:" in text
    assert "[red]t" in text


def test_nothing_in_a_sample_can_move_the_cursor():
    assert one_line("a\x1b[2J\r\x07\u202eb\nc\td\u2028e\ud800") == "a·[2J···b⏎c d·e·"
    assert one_line("می\u200cخواهم 日本 é") == "می\u200cخواهم 日本 é"


def test_curve_falls_from_top_to_bottom():
    assert spark_rows([3.0, 2.0, 1.0], 1) == ["█▅▁"]
    assert spark_rows([5.0, 3.0, 1.0], 2) == ["█▁ ", "██▁"]
    assert spark_rows([], 2) == ["", ""]
    assert spark_rows([1.0, 1.0], 1) == ["▁▁"]


def test_curve_is_not_pressed_flat_by_the_first_fall():
    values = [100.0, *[2 - step / 40 for step in range(40)]]
    (row,) = spark_rows(values, 1)
    assert set(row[1:]) == set("▁▂▃▄▅▆▇█")


@given(st.text("ab 日\u0301", max_size=80), st.integers(4, 30))
def test_clipped_text_fits_and_only_drops_the_end(text, width):
    lines = _clipped(text, width).plain.split("\n")
    assert len(lines) <= 2
    assert all(cell_len(line) <= width for line in lines)
    whole = "".join(lines).replace(" ", "")
    assert text.replace(" ", "").startswith(whole.removesuffix("…"))
    if "…" not in whole:
        assert whole == text.replace(" ", "")
