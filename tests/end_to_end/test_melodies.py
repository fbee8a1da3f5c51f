"""Another kind of sequence than text, by the format and the codec of the examples: train, generate, evaluate, plot."""

import json

import pytest
from examples.extensions.melody_format import MelodyPayload

import seqloom
from seqloom.cli.app import call
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.errors import CodecError, SourceError
from seqloom.registry import CODECS, FORMATS

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
SETTINGS = {"level": "melody", "steps": 300, "hidden_size": 24, "layers": 1, "batch_size": 4, "sequence_length": 8}


@pytest.fixture(scope="module")
def registered():
    """Register the parts of the examples: one line of each table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CODECS.built_in, "melody", "examples.extensions.melody_codec:MelodyCodec")
        patch.setitem(FORMATS.built_in, ".melody", "examples.extensions.melody_format:MelodyFile")
        yield


@pytest.fixture(scope="module")
def run(registered, tmp_path_factory):
    """A run on one file with 40 scales that go up, from random places."""
    folder = tmp_path_factory.mktemp("melodies")
    melodies = [SCALE[start % 4 :] * 2 for start in range(40)]
    (folder / "scales.melody").write_text("\n\n".join("\n".join(map(str, melody)) for melody in melodies))
    return seqloom.train(folder / "scales.melody", run=folder / "run", hold_out=0.1, **SETTINGS)


def test_the_run_is_complete(run):
    report = (run.path / "report.md").read_text()
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert "held-out" in report
    assert "bits per note" in report
    assert "bits per character" not in report
    assert "longest_copy" not in metrics
    assert {plot.name for plot in (run.path / "plots").iterdir()} == {"loss.png", "temperature.png", "entropy.png"}


def test_files_of_another_kind_are_skipped_unless_they_are_named(registered, tmp_path):
    for name, content in (("a.melody", "60 62"), ("b.melody", "64"), ("readme.txt", "some text")):
        (tmp_path / name).write_text(content)
    corpus = open_corpus(tmp_path, ReadingConfig())
    assert [document.payload for document in corpus] == [MelodyPayload((60, 62)), MelodyPayload((64,))]
    assert corpus.skipped == {"file of text": 1}
    with pytest.raises(SourceError, match=r"readme.txt holds text, and other files music: name files of one kind"):
        open_corpus([tmp_path / "a.melody", tmp_path / "b.melody", tmp_path / "readme.txt"], ReadingConfig())


def test_a_sample_is_a_melody(run):
    (sample,) = run.samples(temperature=0, length=40)
    assert sample.finish_reason == "end"
    melody = run.codec.decode(sample.tokens)
    assert isinstance(melody, MelodyPayload)
    assert set(melody.pitches) <= set(SCALE)
    steps = list(zip(melody.pitches, melody.pitches[1:], strict=False))
    assert all(SCALE.index(after) == SCALE.index(before) + 1 for before, after in steps if before != SCALE[-1])
    assert sample.text == "".join(f"{run.codec.token_label(token)} " for token in sample.tokens)


def test_a_prompt_consists_of_labels(run):
    assert run.generate("C4 D4", temperature=0, length=3) == "E4 F4 G4 "
    assert "".join(run.stream("C4 D4", temperature=0, length=3)) == "E4 F4 G4 "
    assert run.generate("C4 H9 D4", temperature=0, length=1, skip_unknown=True) == "E4 "
    with pytest.raises(CodecError, match=r"not in the vocabulary: 'H9'; .* such as 'C-1'"):
        run.generate("C4 H9")


def test_constraints_work_on_labels(run):
    assert run.generate("C4 D4", temperature=0, length=9, stop=("G4",)) == "E4 F4 "
    assert "F4" not in run.generate("C4 D4", length=20, ban=("F4",))


def test_it_is_evaluated_in_its_own_unit(run):
    scored = run.evaluate(split="held-out")
    assert scored.unit == "note"
    assert scored.bits_per_char is None
    assert 0 < scored.bits_per_unit < 2  # a uniform guess would need 7
    assert len(run.score("C4 D4 E4")) == 3


def test_the_commands_accept_it(run, capsys):
    call(["generate", str(run.path), "--prompt", "C4 D4", "--length", "3", "--temperature", "0"])
    assert capsys.readouterr().out == "C4 D4 E4 F4 G4 \n"
    for words in (
        ("generate", "--count", 2, "--json"),
        ("evaluate", "--split", "held-out"),
        ("info",),
    ):
        assert call([words[0], str(run.path), *map(str, words[1:])]) == 0, words
        assert capsys.readouterr().out
    assert call(["score", str(run.path), str(run.path.parent / "scales.melody")]) == 0
    output = capsys.readouterr().out
    assert "bits per note" in output
    assert "character" not in output
