"""The texts that one call of `generate` requests: a number of them for each prompt and each temperature."""

import math
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.cli.generated_texts import TextPrinter, drafting_gain, known_text, was_cut
from seqloom.cli.output import note
from seqloom.cli.rated_generation import (
    control_origin,
    costs,
    kept_so_far,
    needs_control,
    rated_generation,
    shown_rating,
    summary,
)
from seqloom.cli.value_files import decoded_text, read_value
from seqloom.config import DecodingConfig, SamplingConfig
from seqloom.config.settings import pick, range_checks_of
from seqloom.display.terminal import dimmed, visible
from seqloom.errors import ConfigError, SeqloomError
from seqloom.generation.matching_samples import num_redraws, single_piece
from seqloom.generation.options import GenerationOptions, sampling_config
from seqloom.plural import counted
from seqloom.rating.request import RatingRequest
from seqloom.registry import FORMATS, resolve
from seqloom.version import __version__

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun
    from seqloom.rating.generate import RatedGeneration
    from seqloom.sampling.sample import Sample

__all__ = ["TextRequest", "check_sampling", "parse_temperatures", "read_prompts", "text_requests"]

_LABEL_CHARACTERS = 30
"""Largest number of characters of a prompt in a heading."""


@dataclass(kw_only=True)
class TextRequest:
    """Texts for one prompt at one temperature.

    Attributes:
        run: run that generates them.
        prompt: text to continue.
        count: number of texts.
        settings: settings of generation that the user has set.
        label: prompt and temperature, for a heading; empty if all texts have the same.
        generation: generation with rating control; None without.
        samples: generated texts, of a generation without rating control that is not printed while it goes on.
        streams: the same texts piece by piece, to print them while they grow.
        finished: samples that were generated so far.
    """

    run: "GeneratingRun"
    prompt: str
    count: int
    settings: dict[str, Any]
    label: str = ""
    generation: "RatedGeneration | None" = None
    samples: "Iterator[Sample]" = field(default_factory=lambda: iter(()))
    streams: "Iterator[Generator[str, None, Sample]]" = field(default_factory=lambda: iter(()))
    finished: "list[Sample]" = field(default_factory=list)

    def prepare(self, *, streams: bool) -> None:
        """Check all settings and read the prompt; with `streams`, texts can be printed while they grow.

        Raises:
            UserError: a setting is out of range, or the prompt has unknown symbols.
        """
        if needs_control(self.settings):
            self.generation = rated_generation(self.run, self.prompt, self.count, self.settings)
        elif streams:
            self.streams = self.run.stream_many(self.prompt, self.count, self._options())
        else:
            self.samples = self.run.generate_iter(self.prompt, self.count, self._options())

    def _options(self) -> GenerationOptions:
        """Return the options of a generation, or report all their faults in one error."""
        settings = self.settings
        sampling = sampling_config(settings, self.count)
        others = {name: settings[name] for name in ("rating", "guidance", "extrapolate") if name in settings}
        return GenerationOptions(sampling=sampling, decoding=pick(DecodingConfig, settings), **others)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each text as a JSON object."""
        origin = {"seqloom": __version__, "run": str(self.run.path), **_sampling_origin(self.settings)}
        if self.generation is None:
            guidance = {"guidance": 1.0} if "rating" in self.settings else {}  # a value in the settings replaces it
            for sample in self.samples:
                self.finished.append(sample)
                yield {**sample.to_json(), "generated_by": {**guidance, **origin}}
            return
        origin |= control_origin(self.generation)
        for rated in self.generation:
            self.finished.append(rated.sample)
            yield {
                **rated.sample.to_json(),
                "generated_by": origin,
                "rating_wanted": rated.target,
                "rating_predicted": rated.predicted,
                "effective_size": rated.effective_size,
            }

    def show(self, printer: TextPrinter) -> None:
        """Print the texts, after the prompt and the critic's rating, if there is one."""
        prompt = dimmed(visible(known_text(self.run, self.prompt)))
        if self.generation is not None:
            for rated in self.generation:
                printer.show(single_piece(rated.sample), shown_rating(rated.predicted) + prompt, self.label)
                self.finished.append(rated.sample)
            return
        for number, pieces in enumerate(self.streams, 1):
            sample = printer.show(pieces, prompt, self.label)
            self.finished.append(sample)
            if sample.finish_reason == "stop" and not was_cut(self.run, sample, self.prompt):
                note(f"text {number} ended early: the constraints allow no further token")
        speculative_stats = [sample.speculative for sample in self.finished if sample.speculative is not None]
        if speculative_stats:
            note(drafting_gain(speculative_stats))

    def note_interruption(self) -> None:
        """Say how many texts a critic has accepted before Ctrl-C."""
        if self.generation is not None:
            note(f"kept {kept_so_far(self.generation, len(self.finished))}")

    def costs(self) -> dict[str, Any]:
        """Return the methods of rating control and their cost, for JSON; empty without rating control."""
        generation = self.generation
        return {} if generation is None else {"methods": list(generation.plan.methods), **costs(generation)}

    def conclude(self) -> None:
        """Print the cost of rating control and the number of cut texts; check that all texts match their grammar.

        Raises:
            SeqloomError: some texts do not.
        """
        for line in () if self.generation is None else summary(self.generation):
            note(line)
        num_cut = sum(sample.finish_reason == "length" for sample in self.finished)
        if num_cut and len(self.finished) > 1 and self.run.codec.boundary is not None:
            note(f"{num_cut:,} of {len(self.finished):,} reached `length`, and may end too early: raise it")
        if self.run.codec.has_rules and (thrown_away := num_redraws(self.finished)):
            level = self.run.codec.level.upper()
            note(f"{counted(thrown_away, 'draw')} thrown away, because the parser found them to be no correct {level}")
        is_steered = self.generation is not None and "smc" in self.generation.plan.methods
        config = pick(SamplingConfig, self.settings)
        message = self.run.generators.unmatched_message(self.finished, config, redrawn=not is_steered)
        if message is not None:
            raise SeqloomError(message)


def text_requests(
    run: "GeneratingRun",
    prompts: Sequence[str],
    temperatures: Sequence[float],
    count: int,
    settings: dict[str, Any],
) -> list[TextRequest]:
    """Return a request for each prompt and each temperature; no temperature stands for the default one."""
    requests = []
    for prompt in prompts:
        for temperature in temperatures or (None,):
            chosen = settings if temperature is None else {**settings, "temperature": temperature}
            parts = [f"temperature {temperature:g}"] if temperature is not None and len(temperatures) > 1 else []
            if len(prompts) > 1:
                shown = prompt if len(prompt) <= _LABEL_CHARACTERS else f"{prompt[:_LABEL_CHARACTERS]}..."
                parts.append(f"prompt {visible(shown)!r}")
            label = ", ".join(parts)
            requests.append(TextRequest(run=run, prompt=prompt, count=count, settings=dict(chosen), label=label))
    return requests


def check_sampling(settings: dict[str, Any], temperatures: Sequence[float], count: int) -> None:
    """Check the settings of sampling at each temperature, before the run is opened.

    Raises:
        ConfigError: some are out of range, or contradict each other.
    """
    faults = [message for is_met, message in range_checks_of(RatingRequest, settings) if not is_met]
    for temperature in temperatures or (SamplingConfig().temperature,):
        try:
            sampling_config({**settings, "temperature": temperature}, count)
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(*dict.fromkeys(faults))


def parse_temperatures(text: str | None) -> tuple[float, ...]:
    """Return the temperatures in a text with commas between them; empty for None.

    Raises:
        ConfigError: a temperature is not a number.
    """
    if text is None:
        return ()
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"`temperature` got {text!r}: give a number, or several with commas between them") from None


def read_prompts(prompts: Sequence[str], files: Sequence[Path]) -> list[str | Path]:
    """Return all prompts, and the files that are not text as they are; one empty prompt if there are none.

    Args:
        prompts: prompts, or "-" for one that standard input contains.
        files: files of one prompt each. The line end at the end of a file is no part of the prompt.

    Raises:
        ConfigError: standard input is asked for twice, or is not text in UTF-8.
        typer.BadParameter: a file cannot be read, is too large or is not text in UTF-8.
    """
    if list(prompts).count("-") > 1:
        raise ConfigError("`prompt` got - twice: standard input has one prompt")
    for prompt in prompts:
        if _is_file_name(prompt):
            note(
                f"seqloom: warning: `prompt` got {prompt!r}, the name of a file, and takes it as text: use "
                "`prompt_file` for the content of the file"
            )
    texts = [_standard_input() if prompt == "-" else prompt for prompt in prompts]
    from_files = (
        file if _is_binary(file) else _without_last_line_end(read_value(str(file), "--prompt-file")) for file in files
    )
    return [*texts, *from_files] or [""]


def _is_file_name(prompt: str) -> bool:
    """Return whether a prompt is the path of a file with a suffix; a word may be the name of a file by chance."""
    try:
        return bool(Path(prompt).suffix) and Path(prompt).is_file()
    except (OSError, ValueError):  # too long for a path, or with a null character
        return False


def _is_binary(file: Path) -> bool:
    """Return whether the suffix is that of a format of another kind than text, such as MIDI."""
    suffix = file.suffix.lower()
    if not suffix or suffix not in FORMATS:
        return False
    kind: str = resolve("format", suffix, FORMATS).payload_type.kind
    return kind != "text"


def _standard_input() -> str:
    return _without_last_line_end(decoded_text(sys.stdin.buffer.read(), "standard input", "--prompt"))


def _without_last_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _sampling_origin(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of sampling, for JSON: the chosen ones and the main defaults; a watermark's key is hashed."""
    from seqloom.sampling.watermark import fingerprint

    config = SamplingConfig()
    values = {name: getattr(config, name) for name in ("length", "temperature", "seed")} | settings
    if "watermark" in values:
        values["watermark"] = {"key_sha256": fingerprint(values["watermark"])}
    values = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    return values if math.isfinite(values["temperature"]) else {**values, "temperature": "inf"}
