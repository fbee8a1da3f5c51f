import io
import os
import threading
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqloom.corpora import sources
from seqloom.corpora.sources import Source, check_source, find_files
from seqloom.errors import SourceError


def find(source: Source) -> tuple[list[str], dict[str, int]]:
    skipped: Counter[str] = Counter()
    places = find_files(source, skipped)
    return [place.name for place in places], dict(+skipped)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a/z.txt", "a/y/x.csv", ".hidden", ".git/config", "a10.txt", "c [1].txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_folder_gives_its_files_sorted_and_counts_the_hidden_ones(folder: Path) -> None:
    names, skipped = find(str(folder))
    assert [os.path.relpath(name, folder) for name in names] == [
        "a/y/x.csv",
        "a/z.txt",
        "a10.txt",
        "b.txt",
        "c [1].txt",
    ]
    assert skipped == {"hidden file": 1, "hidden folder": 1}


def test_globs(folder: Path) -> None:
    assert find("*.txt")[0] == ["a10.txt", "b.txt", "c [1].txt"]
    assert find("**/*.csv")[0] == ["a/y/x.csv"]
    assert find("c [1].txt")[0] == ["c [1].txt"]  # a file of that name comes before the pattern
    with pytest.raises(SourceError, match="no file matches"):
        find("*.md")


def test_only_files_that_were_named_are_marked_so(folder: Path) -> None:
    assert [place.named_by_user for place in find_files(["b.txt", "a", "a10*"], Counter())] == [
        True,
        False,
        False,
        False,
    ]


def test_several_sources_keep_their_order_and_repeats_are_counted(folder: Path) -> None:
    names, skipped = find(["b.txt", Path("a"), "./b.txt", "python-docs", "python-docs"])
    assert names == ["b.txt", "a/y/x.csv", "a/z.txt", "python-docs"]
    assert skipped == {"file named twice": 2}


def test_a_file_hides_a_catalogue_name(folder: Path) -> None:
    assert find_files("python-docs", Counter())[0].path is None
    Path("python-docs").write_text("mine")
    assert find_files("python-docs", Counter())[0].path == Path("python-docs")


def test_the_home_folder_is_understood(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert find("~/b.txt")[0] == [str(folder / "b.txt")]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("nietsche", "did you mean nietzsche?"),
        ("pyton-docs", "did you mean python-docs?"),
        ("b.tx", "did you mean b.txt?"),
        ("a/z.text", "did you mean a/z.txt?"),
        ("qqqq", "or one of python-docs"),
        ("no/such/folder", "or one of python-docs"),
        ("x" * 5000, "cannot access"),
    ],
)
def test_what_is_missing_gets_near_names(folder: Path, name: str, near: str) -> None:
    with pytest.raises(SourceError) as raised:
        find(name)
    assert near in str(raised.value)


@pytest.mark.parametrize(("source", "said"), [([], "no source was named"), ("empty", "holds no files")])
def test_nothing_at_all(folder: Path, source: Source, said: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(SourceError, match=said):
        find(source)


def test_standard_input_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"from a pipe")))
    (first,) = find_files("-", Counter())
    (second,) = find_files("-", Counter())
    assert first.name == "standard input"
    assert first.path is not None
    assert first.path.read_bytes() == b"from a pipe"
    assert second.path == first.path


def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"through a pipe",))
    writer.start()
    (place,) = find_files(pipe, Counter())
    writer.join()
    assert place.path is not None
    assert place.path.read_bytes() == b"through a pipe"


def test_standard_input_is_named_once_and_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="named twice"):
        find_files(["-", "-"], Counter())
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SourceError, match="standard input is closed"):
        find_files("-", Counter())


def test_a_device_is_no_file() -> None:
    with pytest.raises(SourceError) as caught:
        find_files("/dev/null", Counter())
    assert caught.value.faults[0].startswith("/dev/null is neither a file nor a folder")


def test_everything_missing_is_named(folder: Path) -> None:
    with pytest.raises(SourceError) as caught:
        find_files(["nothing.txt", "b.txt", "neither.md"], Counter())
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "no source 'nothing.txt'",
        "no source 'neither.md'",
    ]


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(folder: Path, name: str) -> None:
    for look in (lambda: find(name), lambda: check_source(name), lambda: find([name, "b.txt"])):
        with pytest.raises(SourceError, match="a source got the empty name"):
            look()


OUTPUTS = {
    "run": ("config.json", "codec.json"),
    "gan": ("asked.json", "state/training.lock"),
    "critic": ("critic.json", "critic.safetensors"),
    "detector": ("detector.json", "detector.safetensors"),
    "store": ("store.json", "records.bin"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_seqloom_has_written_is_no_source(folder: Path, kind: str) -> None:
    for name in (*OUTPUTS[kind], "samples/epoch-1.txt", "likelihood/report.txt"):
        path = folder / "runs" / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "runs" / "notes.txt").write_text("a text")
    names, skipped = find(".")
    assert names == ["a/y/x.csv", "a/z.txt", "a10.txt", "b.txt", "c [1].txt", "runs/notes.txt"]
    assert skipped["folder that seqloom wrote"] == 1
    names, skipped = find("**/*.txt")
    assert names == ["a/z.txt", "a10.txt", "b.txt", "c [1].txt", "runs/notes.txt"]
    assert skipped["file that seqloom wrote"] == 2
    with pytest.raises(SourceError, match=f"runs/{kind} is a folder that seqloom wrote"):
        find(f"runs/{kind}")
    assert find(f"runs/{kind}/samples/epoch-1.txt")[0] == [f"runs/{kind}/samples/epoch-1.txt"]
    assert find(f"runs/{kind}/samples/*.txt")[0] == [f"runs/{kind}/samples/epoch-1.txt"]


def test_a_name_that_is_not_utf8_is_refused_or_skipped(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        (folder / name).write_text("a text")
        (folder / os.fsdecode(b"r\xe9n")).mkdir()
    except OSError:
        pytest.skip("the file system has UTF-8 names only")
    (folder / os.fsdecode(b"r\xe9n") / "inside.txt").write_text("a text")
    with pytest.raises(SourceError, match=r"the name 'caf\\udce9.txt' is not UTF-8: rename"):
        find(name)
    names, skipped = find(str(folder))
    assert len(names) == 5
    assert skipped["name that is not UTF-8"] == 2
    assert find("*.txt") == (["a10.txt", "b.txt", "c [1].txt"], {"name that is not UTF-8": 1})


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links: to files within and outside of it, to a folder outside of it, and in two loops."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    (tmp_path / "outside" / "deep" / "more.txt").write_text("more")
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "inner.txt").symlink_to(folder / "sub" / "a.txt")
    (folder / "outer.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (folder / "folder").symlink_to(tmp_path / "outside" / "deep")
    (folder / "loop").symlink_to(folder)
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to(folder / "nothing")
    return folder


@pytest.mark.parametrize("pattern", ["", "**", "**/*.txt"])
def test_links_out_of_a_folder_are_skipped_and_counted(linked: Path, pattern: str) -> None:
    skipped: Counter[str] = Counter()
    files = find_files(str(linked / pattern), skipped)
    assert {file.path.resolve().name for file in files if file.path} == {"a.txt"}
    assert skipped["link out of the folder"] == (1 if pattern else 2)


@pytest.mark.parametrize("pattern", ["", "**", "**/*.txt"])
def test_links_out_of_a_folder_are_followed_on_request(linked: Path, pattern: str) -> None:
    skipped: Counter[str] = Counter()
    files = find_files(str(linked / pattern), skipped, follow_links=True)
    assert {file.path.resolve().name for file in files if file.path} == {"a.txt", "secret.txt", "more.txt"}
    assert not skipped["link out of the folder"]


def test_a_linked_file_that_is_named_is_read(linked: Path) -> None:
    assert len(find_files(linked / "outer.txt", Counter())) == 1
    assert len(find_files(str(linked.parent / "texts" / "out*.txt"), Counter(), follow_links=True)) == 1


def test_a_pipe_without_a_writer_is_waited_for_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_PATIENCE_SECONDS", 0.01)
    pipe = tmp_path / "slow"
    os.mkfifo(pipe)
    writers: list[threading.Thread] = []

    def write_later(message: str, *_: object, **__: object) -> None:
        assert f"waiting for a program that writes into the pipe {pipe}" in str(message)
        writers.append(threading.Thread(target=pipe.write_bytes, args=(b"late",)))
        writers[0].start()

    monkeypatch.setattr(warnings, "warn", write_later)
    (file,) = find_files(pipe, Counter())
    writers[0].join()
    assert file.path is not None
    assert file.path.read_bytes() == b"late"


@pytest.mark.parametrize("pattern", ["run/*", "*/*", "**/*.txt"])
def test_a_pattern_that_matches_only_the_output_of_seqloom_says_so(tmp_path: Path, pattern: str) -> None:
    for name in ("config.json", "codec.json", "model.safetensors", "log.jsonl", "samples/epoch-0001.txt"):
        file = tmp_path / "run" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}", encoding="utf-8")
    with pytest.raises(SourceError, match=r"are skipped \(\d files? that seqloom wrote\): name a file outright"):
        find_files(tmp_path / pattern, Counter())
    (found,) = find_files(tmp_path / "run" / "samples" / "epoch-0001.txt", Counter())
    assert found.path is not None


def test_a_pattern_that_matches_only_links_out_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("text", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(SourceError, match=r"skipped \(1 link out of the folder\).*`follow_links`"):
        find_files(tmp_path / "folder" / "*.txt", Counter())


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "nothing.txt")
    with pytest.raises(SourceError, match=r"link\.txt' is a link that leads nowhere: correct the link"):
        find_files(tmp_path / "link.txt", Counter())
