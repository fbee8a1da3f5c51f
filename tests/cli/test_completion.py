"""The completion of a shell: of commands and of flags."""

import os
import subprocess
import sys

import pytest


def complete(words: str, position: int) -> list[str]:
    environment = {**os.environ, "_SEQLOOM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
    command = [sys.executable, "-m", "seqloom"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("seqloom gen", 1, ["generate"]),
        ("seqloom detect s", 2, ["score"]),
        ("seqloom generate --temp", 2, ["--temperature"]),
        ("seqloom train x --res", 3, ["--resume"]),
    ],
)
def test_a_shell_completes_commands_and_flags(words: str, position: int, expected: list[str]) -> None:
    assert complete(words, position) == expected


def test_the_help_names_the_completion(command) -> None:
    assert "--install-completion" in command("--help").out
