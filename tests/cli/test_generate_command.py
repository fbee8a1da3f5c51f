import json
import re
import sys
from types import SimpleNamespace

import pytest
from tests.checked_files import edit_json

from seqloom.api import load
from seqloom.cli import generated_texts, output
from seqloom.cli.generated_texts import TextPrinter
from seqloom.cli.text_requests import TextRequest
from seqloom.display import terminal as terminal_module
from seqloom.kernels.library import chosen_kernels
from seqloom.version import __version__


@pytest.fixture
def terminal(monkeypatch):
    for module in (terminal_module, generated_texts):
        monkeypatch.setattr(module, "shows_terminal", lambda: True)


def samples(done):
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)["samples"]


def test_json_is_what_the_library_writes(command, run):
    words = ("--prompt", "the quick", "--length", 40, "--temperature", 0.5, "--seed", 7, "--top-k", 3)
    found = samples(command("generate", run, *words, "--count", 2, "--json"))
    settings = {"length": 40, "temperature": 0.5, "seed": 7, "top_k": 3}
    wanted = load(run).samples("the quick", count=2, **settings)
    assert [sample["text"] for sample in found] == [sample.text for sample in wanted]
    for index, (sample, own) in enumerate(zip(found, wanted, strict=True)):
        assert sample == {
            "text": own.text,
            "prompt": "the quick",
            "temperature": 0.5,
            "log_prob": own.log_prob,
            "sampling_log_prob": own.sampling_log_prob,
            "finish_reason": "length",
            "index": index,
            "seed": 7,
            "tokens": 40,
            "generated_by": {"seqloom": __version__, "run": str(run), **settings},
        }


def test_every_flag_reaches_the_library(command, run):
    words = (
        "--length 9 --min-length 2 --temperature 0.5 --top-k 5 --top-p 0.9 --min-p 0.01 --typical-p 0.95 "
        "--dynatemp-range 0.1 --dynatemp-exponent 2 --top-n-sigma 3 --xtc-probability 0.1 --xtc-threshold 0.2 "
        "--mirostat-tau 4 --mirostat-eta 0.2 --frequency-penalty 0.3 --presence-penalty -0.1 --dry-multiplier 0.8 "
        "--dry-base 2 --dry-allowed-length 3 --dry-breaker . --dry-breaker x "
        "--repetition-penalty 1.1 --repetition-window 50 --stop qqq --stop zzz --ban x "
        "--pattern [a-z\\s.]* --max-copy 50 --skip-unknown "
        "--sliding-window --seed 3"
    )
    (sample,) = samples(command("generate", run, *words.split(), "--json"))
    assert sample["generated_by"] == {
        "seqloom": __version__,
        "run": str(run),
        "length": 9,
        "min_length": 2,
        "temperature": 0.5,
        "top_k": 5,
        "top_p": 0.9,
        "min_p": 0.01,
        "typical_p": 0.95,
        "dynatemp_range": 0.1,
        "dynatemp_exponent": 2,
        "top_n_sigma": 3,
        "xtc_probability": 0.1,
        "xtc_threshold": 0.2,
        "mirostat_tau": 4,
        "mirostat_eta": 0.2,
        "frequency_penalty": 0.3,
        "presence_penalty": -0.1,
        "dry_multiplier": 0.8,
        "dry_base": 2,
        "dry_allowed_length": 3,
        "dry_breaker": [".", "x"],
        "repetition_penalty": 1.1,
        "repetition_window": 50,
        "stop": ["qqq", "zzz"],
        "ban": ["x"],
        "pattern": "[a-z\\s.]*",
        "max_copy": 50,
        "skip_unknown": True,
        "stateful": False,
        "seed": 3,
    }
    assert sample["matched"] is True


def test_what_took_effect_is_said_where_nothing_was_given(command, run):
    (sample,) = samples(command("generate", run, "--json"))
    origin = {"seqloom": __version__, "run": str(run)}
    assert sample["generated_by"] == origin | {"length": 400, "temperature": 1, "seed": 0}
    (sample,) = samples(command("generate", run, "--length", 5, "--temperature", "inf", "--json"))
    assert sample["generated_by"]["temperature"] == "inf"


@pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")
def test_drafts_are_told_of(command, text_file, tmp_path):
    made = (
        "--run",
        tmp_path / "r",
        "--steps",
        8,
        "--hidden-size",
        8,
        "--batch-size",
        4,
        "--sequence-length",
        8,
        "--prediction-heads",
        3,
    )
    assert command("train", text_file, *made).code == 0
    (sample,) = samples(command("generate", tmp_path / "r", "--draft-length", 3, "--json"))
    assert sample["drafting"].keys() == {"tokens_per_step", "acceptance", "gain"}
    assert 1 <= sample["drafting"]["tokens_per_step"] <= 3
    assert sample["generated_by"]["draft_length"] == 3
    done = command("generate", tmp_path / "r", "--draft-length", 3)
    assert done.out == f"{sample['text']}\n"
    expected = r"[12]\.\d\d tokens per step, [\d.]+ % of the drafts accepted(: \d+\.\d\d times as fast as without)?\n"
    assert re.fullmatch(expected, done.err)
    assert "drafting" not in samples(command("generate", tmp_path / "r", "--json"))[0]
    done = command("generate", tmp_path / "r", "--draft-length", 4)
    assert (done.code, len(done.faults)) == (2, 1)
    assert "trained to predict 3 tokens at once; choose 1 to 3" in done.faults[0]


def test_plain_output_is_the_prompt_and_the_text(command, run):
    text = load(run).generate("the", length=30, seed=2)
    assert command("generate", run, "--prompt", "the", "--length", 30, "--seed", 2) == (0, f"the{text}\n", "")


def test_several_short_texts_are_one_a_line(command, run):
    texts = [sample.text for sample in load(run).samples("the", count=3, length=20)]
    done = command("generate", run, "--prompt", "the", "--length", 20, "--count", 3)
    assert done.out == "".join(f"the{text}\n" for text in texts)


class Teller:
    """Stands for a run that writes given texts, in pieces."""

    codec = SimpleNamespace(
        separator="",
        unknown_symbols=lambda text: [],
        known_text=str,
        pending_space=lambda text: "",
        decode_text=lambda tokens: "",
    )

    def __init__(self, *texts):
        self.texts = texts

    def normalize(self, prompt):
        return prompt

    def stream_many(self, prompt, count, options):
        return (self.tell(text) for text in self.texts)

    def tell(self, text):
        yield from (text[:1], text[1:])
        return SimpleNamespace(matched=None, speculative=None, finish_reason="length", text=text)


@pytest.mark.parametrize(
    ("prompt", "texts", "shown"),
    [
        ("", ["one", "two", "three"], "one\ntwo\nthree\n"),
        ("", ["o\nne", "two", "three"], "o\nne\n\n--- 2 of 3\ntwo\n\n--- 3 of 3\nthree\n"),
        ("", ["one", "two\n", "three"], "one\n\n--- 2 of 3\ntwo\n\n\n--- 3 of 3\nthree\n"),
        ("a\n", ["one", "two"], "a\none\n\n--- 2 of 2\na\ntwo\n"),
        ("> ", ["o\nne"], "> o\nne\n"),
    ],
)
def test_texts_of_several_lines_have_a_heading_between_them(capsys, prompt, texts, shown):
    show(Teller(*texts), prompt, len(texts))
    assert capsys.readouterr().out == shown


def show(teller, prompt, count):
    request = TextRequest(run=teller, prompt=prompt, count=count, settings={})
    request.prepare(streams=True)
    request.show(TextPrinter(count))


@pytest.mark.parametrize(("spelled", "said"), [(" cat", True), (" cat sat", False), ("", True)])
def test_an_end_for_want_of_tokens_is_told_from_a_stop_string(capsys, monkeypatch, spelled, said):
    """Where the prompt's last space begins the first token, too."""
    codec = SimpleNamespace(
        separator="",
        unknown_symbols=lambda text: [],
        known_text=str,
        pending_space=lambda text: " ",
        decode_text=lambda tokens: spelled,
    )
    monkeypatch.setattr(Teller, "codec", codec)
    text = "cat" if spelled else ""

    def tell(self, text):
        yield text
        return SimpleNamespace(matched=None, speculative=None, finish_reason="stop", text=text, tokens=(1,))

    monkeypatch.setattr(Teller, "tell", tell)
    show(Teller(text), "the ", 1)
    assert ("ended early" in capsys.readouterr().err) is said


def test_a_terminal_shows_each_heading(capsys, terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    show(Teller("a\nb", "c"), "", 2)
    assert capsys.readouterr().out == "--- 1 of 2\na\nb\n\n--- 2 of 2\nc\n"
    show(Teller("a", "c"), "", 2)
    assert capsys.readouterr().out == "a\nc\n"


def test_a_terminal_shows_the_prompt_dimmed(command, run, terminal):
    text = load(run).generate("the", length=20)
    done = command("generate", run, "--prompt", "the", "--length", 20)
    assert done.out == f"\x1b[2mthe\x1b[0m{text}\n"


def test_a_terminal_sees_no_control_characters(monkeypatch):
    text = "a\x1b[31mb\r\nc\td\x9b\x07\x7f"
    assert terminal_module.visible(text) == text
    monkeypatch.setattr(terminal_module, "shows_terminal", lambda: True)
    assert terminal_module.visible(text) == "a\ufffd[31mb\nc\td\ufffd\ufffd\ufffd"


def test_beams_are_written_whole(command, run):
    done = command("generate", run, "--beam", 2, "--count", 2, "--length", 10)
    best = load(run).samples(count=2, beam=2, length=10)
    assert done.out == f"{best[0].text}\n{best[1].text}\n"


def test_unknown_symbols_are_named_and_left_out_on_request(command, run):
    done = command("generate", run, "--prompt", "the 日nicorn")
    assert done.code == 2
    assert done.faults == [
        "not in the vocabulary: '日' (U+65E5) at character 5; leave them out with --skip-unknown, "
        "or train on text that has them"
    ]
    done = command("generate", run, "--prompt", "the 日nicorn", "--skip-unknown", "--length", 5)
    assert done.code == 0
    assert done.faults == ["warning: left out of the prompt: '日'"]
    assert done.out.startswith("the nicorn")
    lines = command("generate", run, "--prompt", "the 日nicorn", "--skip-unknown", "--length", 5, "--jsonl")
    assert lines.faults == done.faults


def test_a_text_that_misses_its_pattern_is_said_so(command, run):
    done = command("generate", run, "--pattern", "[a-z ]{50}", "--length", 5, "--count", 2)
    assert done.code == 1
    assert done.faults == [
        "2 of 2 texts ended before matching --pattern, in every one of 20 draws: raise --length, or allow shorter "
        "matches"
    ]
    assert len(done.out.splitlines()) == 2
    printed = command("generate", run, "--pattern", "[a-z ]{50}", "--length", 5, "--json")
    assert printed.code == 1
    (sample,) = json.loads(printed.out)["samples"]
    assert (sample["finish_reason"], sample["matched"]) == ("unmatched", False)


def test_a_beam_that_misses_its_pattern_is_said_so(command, run):
    done = command("generate", run, "--pattern", "[a-z ]{50}", "--length", 5, "--beam", 2)
    assert done.code == 1
    assert done.faults == ["1 of 1 text ended before matching --pattern: raise --length, or allow shorter matches"]


def test_a_pattern_of_unknown_characters_is_said_so(command, run):
    done = command("generate", run, "--pattern", "aÜ")
    assert done.code == 1
    assert done.faults[0].endswith(
        "matches go on with 'Ü', which this run never writes, so use only characters of the training text"
    )


def test_a_grammar_comes_from_a_file(command, run, tmp_path):
    file = tmp_path / "words.gbnf"
    file.write_bytes(b'\xef\xbb\xbfroot ::= [a-z]+ ("," | ".")\r\n')  # begins with a byte order mark
    done = command("generate", run, "--grammar", file, "--length", 60, "--seed", 3)
    assert done.code == 0
    assert re.fullmatch("[a-z]+[,.]\n", done.out)
    printed = command("generate", run, "--grammar", file, "--length", 60, "--seed", 3, "--json")
    (sample,) = json.loads(printed.out)["samples"]
    assert sample["matched"]
    assert sample["generated_by"]["grammar"].startswith("root ::= ")


@pytest.mark.parametrize(
    ("flag", "text", "fault"),
    [
        ("--json-schema", "{bad", "is not JSON"),
        ("--json-schema", "[1]\n", "contains [1]: give a JSON object"),
        ("--grammar", 'start: "a', "is neither a grammar of Lark nor of GBNF"),
    ],
)
def test_the_file_of_a_faulty_grammar_is_named(command, run, tmp_path, flag, text, fault):
    file = tmp_path / "form.txt"
    file.write_text(text, encoding="utf-8")
    done = command("generate", run, flag, file)
    assert done.code == 2
    assert done.faults[0].startswith(f"invalid value for '{flag}': {file} {fault}")


def test_a_json_schema_that_the_run_cannot_write_is_named(command, run, tmp_path):
    file = tmp_path / "schema.json"
    file.write_text('{"type": "array"}', encoding="utf-8")
    done = command("generate", run, "--json-schema", file)
    assert done.code == 2
    assert done.out == ""
    assert done.faults == [
        "--json-schema begins with '[', which this run never writes: use only characters of the training text"
    ]


def test_what_is_no_file_of_a_grammar_is_refused(command, run, tmp_path):
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe")
    large.write_bytes(b"#" * 1_000_001)
    for name, fault in (
        (tmp_path / "none", "cannot be read (No such file or directory)"),
        (tmp_path, "cannot be read (Is a directory)"),
        (binary, "is not text in UTF-8"),
        (large, "has more than 1,000,000 bytes"),
    ):
        done = command("generate", run, "--grammar", name)
        assert done.code == 2
        assert fault in done.faults[0]
        assert str(name) in done.faults[0]


def test_a_stop_string_or_ban_that_cannot_appear_is_named(command, run):
    with pytest.warns(UserWarning, match="cannot appear") as caught:
        done = command("generate", run, "--stop", "Ü", "--stop", "e", "--ban", "aÖ", "--length", 5)
    assert done.code == 0
    assert [str(warning.message) for warning in caught] == [
        "`stop` got 'Ü', which cannot appear: the run never writes 'Ü'",
        "`ban` got 'aÖ', which cannot appear: the run never writes 'Ö'",
    ]


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        (["--temperature", "-1"], ["--temperature got -1.0: choose a number from 0 up"]),
        (["--temperature", "nan"], ["--temperature got nan: choose a number from 0 up"]),
        (["--count", "5", "--beam", "3"], ["--count 5 is more than the 3 texts of --beam 3"]),
        (["--pattern", "("], ["--pattern got '(', which is not a regular expression"]),
        (["--length", "-1"], ["--length got -1"]),
        (["--stateful", "--sliding-window"], ["--stateful and --sliding-window contradict each other"]),
        (["--beam", "1025"], ["--beam got 1025: choose from 0 to 1,024"]),
        (["--count", "0", "--top-p", "3", "--length", "0"], ["--count got 0", "--length got 0", "--top-p got 3.0"]),
    ],
)
def test_settings_out_of_range(command, run, unchanged, words, faults):
    done = command("generate", run, *words)
    assert (done.code, done.out) == (2, "")
    assert len(done.faults) == len(faults)
    assert all(found.startswith(wanted) for found, wanted in zip(done.faults, faults, strict=True))
    assert unchanged(run)


def test_a_guard_against_copying_needs_the_text(command, run, tmp_path):
    for source, said in ((str(tmp_path / "gone.txt"), "no source"), ("-", "standard input")):
        edit_json(run / "config.json", sources=[source])
        done = command("generate", run, "--max-copy", 20)
        assert done.code == 2
        assert said in done.faults[0]


def test_output_takes_what_its_encoding_lacks(monkeypatch):
    import io

    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    output.prepare()
    print("snow ☃")
    output.print_json({"snow": "☃"})
    narrow.flush()
    assert narrow.buffer.getvalue() == b'snow ?\n{"snow": "\\u2603"}\n'
    monkeypatch.delenv("PYTHONIOENCODING")
    output.prepare()
    assert narrow.encoding == "utf-8"


def test_a_text_that_nothing_may_follow_is_said_so(command, run):
    bans = [word for symbol in "abcdefghijklmnopqrstuvwxyz. " for word in ("--ban", symbol)]
    done = command("generate", run, *bans)
    assert (done.code, done.out) == (0, "\n")
    assert done.notes == ["text 1 ended early: the constraints allow no further token"]
    done = command("generate", run, "--stop", "e", "--length", 400)
    assert (done.code, done.err) == (0, "")


def test_a_prompt_that_is_a_file_name_points_to_the_other_flag(command, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "the.txt").write_text("the ")
    done = command("generate", run, "--prompt", "the.txt", "--skip-unknown", "-l", 5)
    assert "--prompt got 'the.txt', the name of a file, and takes it as text: use --prompt-file" in done.err
    assert "name of a file" not in command("generate", run, "--prompt", "the", "-l", 5).err
