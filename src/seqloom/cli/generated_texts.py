"""Show generated texts on standard output, as they grow."""

from collections.abc import Generator, Iterable
from statistics import mean
from typing import TYPE_CHECKING, cast

from seqloom.cli.output import note
from seqloom.display.terminal import dimmed, shows_terminal, visible
from seqloom.generation.prompt_characters import replace_unknown
from seqloom.percent import format_percent

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun
    from seqloom.sampling.sample import Sample, SpeculativeStats

__all__ = ["TextPrinter", "drafting_gain", "known_text", "note_unknown", "was_cut"]


class TextPrinter:
    """Print texts, each after its prompt.

    Texts that are single lines are printed one per line. From the first text with several lines on, each text gets a
    heading. Texts of several prompts or temperatures always have one, which names them.

    Args:
        count: number of texts.
        labels: whether headings name prompt and temperature.
    """

    def __init__(self, count: int, *, labels: bool = False) -> None:
        self._count, self._labels = count, labels
        self._no_heading_yet = count > 1 and not labels
        self._number = 0

    def show(self, pieces: Generator[str, None, "Sample"], prompt: str, label: str = "") -> "Sample":
        """Print a text piece by piece, and return its sample.

        Args:
            pieces: pieces of the text; the generator returns the sample.
            prompt: text to print before the first piece.
            label: prompt and temperature, for the heading.
        """
        self._number += 1
        heading = self._heading(label)
        sample, self._no_heading_yet = _show(pieces, heading, prompt, buffer_first_line=self._no_heading_yet)
        return sample

    def _heading(self, label: str) -> str:
        """Return the heading of a text; empty for a single text, and for the first one in a file without labels."""
        if self._count == 1 or (self._number == 1 and not shows_terminal() and not self._labels):
            return ""
        title = ", ".join(filter(None, (f"{self._number} of {self._count}", label)))
        return ("\n" if self._number > 1 else "") + dimmed(f"--- {title}") + "\n"


def drafting_gain(stats: "list[SpeculativeStats]") -> str:
    """Return the mean gain from drafts over all samples, in one line."""
    tokens_per_step = mean(sample.tokens_per_step for sample in stats)
    acceptance = mean(sample.acceptance for sample in stats)
    gains = [sample.gain for sample in stats if sample.gain is not None]
    speed = f": {mean(gains):.2f} times as fast as without" if gains else ""
    return f"{tokens_per_step:.2f} tokens per step, {format_percent(acceptance)} of the drafts accepted{speed}"


def was_cut(run: "GeneratingRun", sample: "Sample", prompt: str) -> bool:
    """Return whether a stop string ended the text."""
    prompt_end = run.codec.pending_space(replace_unknown(run.normalize(prompt), run.codec)[0])
    # Unlike `sample.text`, the decoded tokens still contain the stop string, and the space at the end of the prompt if
    # that belongs to the first token. Without this space, any difference is the stop string.
    return run.codec.decode_text(sample.tokens).removeprefix(prompt_end) != sample.text


def _show(
    pieces: Generator[str, None, "Sample"], heading: str, prompt: str, *, buffer_first_line: bool
) -> tuple["Sample", bool]:
    """Print a heading and a text, piece by piece.

    Args:
        pieces: pieces of the text; the generator returns the sample.
        heading: heading.
        prompt: text to print between the heading and the first piece.
        buffer_first_line: whether to buffer the text until it has a line break. A text without a line break is then
            printed at its end, without the heading.

    Returns:
        The sample, and whether the text was printed without the heading, as a single line.
    """
    buffers = buffer_first_line and "\n" not in prompt
    buffer = prompt
    if not buffers:
        print(heading, prompt, sep="", end="", flush=True)
    while True:
        try:
            piece = visible(next(pieces))
        except StopIteration as stop:
            print(buffer if buffers else "", flush=True)
            return cast("Sample", stop.value), buffers
        if buffers and "\n" in piece:
            print(heading, buffer, sep="", end="")
            buffers = False
        if buffers:
            buffer += piece
        else:
            print(piece, end="", flush=True)


def known_text(run: "GeneratingRun", prompt: str) -> str:
    """Return the prompt with the symbols that the run knows."""
    return run.codec.known_text(replace_unknown(run.normalize(prompt), run.codec)[0])


def note_unknown(run: "GeneratingRun", prompts: Iterable[str]) -> None:
    """Report the symbols of the prompts that the run does not know, and which are therefore left out."""
    for prompt in dict.fromkeys(prompts):
        unknown = dict(run.codec.unknown_symbols(replace_unknown(run.normalize(prompt), run.codec)[0]))
        if unknown:
            note(f"seqloom: warning: left out of the prompt: {', '.join(map(repr, dict.fromkeys(unknown.values())))}")
