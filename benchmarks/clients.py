"""Clients of other projects against the server: do OpenAI's client and schemathesis accept its answers?

OpenAI's client completes, streams, reads log-probabilities, lists models and chats. schemathesis sends many valid and
invalid requests, which it makes from the server's own schema, and checks status, type and body of each answer.

    pip install openai schemathesis
    python benchmarks/clients.py RUN --examples 50

`make clients RUN=... TEXT=...` does both, and `lm_evaluation.py`.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from markdown import print_table
from openai import BadRequestError, NotFoundError, OpenAI
from served import serving

CHECKS_OF_DATA = "positive_data_acceptance"
"""Check of schemathesis that valid data is accepted. A text may have characters that a model does not know, and fields
may contradict each other, which a schema cannot say."""


def completes(client: OpenAI, model: str) -> bool:
    """Return whether a completion and its usage are right."""
    answer = client.completions.create(model=model, prompt="a", max_tokens=20, seed=1)
    return len(answer.choices[0].text) > 0 and answer.usage is not None and answer.usage.completion_tokens <= 20


def streams(client: OpenAI, model: str) -> bool:
    """Return whether a stream joins to the completion."""
    whole = client.completions.create(model=model, prompt="a", max_tokens=300, seed=1).choices[0].text
    events = client.completions.create(model=model, prompt="a", max_tokens=300, seed=1, stream=True)
    return "".join(event.choices[0].text for event in events if event.choices) == whole


def has_log_probabilities(client: OpenAI, model: str) -> bool:
    """Return whether log-probabilities cover prompt and text."""
    choice = client.completions.create(model=model, prompt="a", max_tokens=9, logprobs=3, echo=True).choices[0]
    logprobs = choice.logprobs
    return logprobs is not None and len(logprobs.tokens or []) == len(logprobs.token_logprobs or []) > 1


def lists_models(client: OpenAI, model: str) -> bool:
    """Return whether the run is among the models."""
    return model in [listed.id for listed in client.models.list()] and client.models.retrieve(model).id == model


def chats(client: OpenAI, model: str) -> bool:
    """Return whether a conversation is continued, also as a stream."""
    messages = [{"role": "user", "content": "a"}]
    request = {"model": model, "messages": messages, "max_tokens": 30, "seed": 1}
    whole = client.chat.completions.create(**request).choices[0].message.content  # type: ignore[call-overload]
    events = client.chat.completions.create(**request, stream=True)  # type: ignore[call-overload]
    return "".join(event.choices[0].delta.content or "" for event in events) == whole


def raises_errors(client: OpenAI, model: str) -> bool:
    """Return whether errors arrive as the client's own."""
    try:
        client.completions.create(model=f"{model}-other", prompt="a")
    except NotFoundError as error:
        missing = "does not exist" in error.message
    try:
        client.completions.create(model=model, prompt="a", suffix="b")
    except BadRequestError as error:
        return missing and error.param == "suffix"
    return False


def run_schemathesis(url: str, examples: int) -> tuple[bool, str]:
    """Return whether schemathesis found no fault, and the summary of its report."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}openapi.json"]
    options = ["--max-examples", str(examples), "--exclude-checks", CHECKS_OF_DATA, "--workers", "1"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0, next((line.strip() for line in reversed(lines) if "generated" in line), lines[-1])


def main() -> None:
    """Run the clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--examples", type=int, default=50)
    args = parser.parse_args()
    checks: list[Callable[[OpenAI, str], bool]] = [
        completes, streams, has_log_probabilities, lists_models, chats, raises_errors
    ]  # fmt: skip
    with serving(args.run) as server:
        client, model = OpenAI(base_url=f"{server.url}v1", api_key="none"), Path(args.run).resolve().name
        rows = [[f"openai: {check.__name__}", "pass" if check(client, model) else "FAIL"] for check in checks]
        is_clean, summary = run_schemathesis(server.url, args.examples)
        rows.append([f"schemathesis: {summary}", "pass" if is_clean else "FAIL"])
    print_table(["check", "result"], rows)


if __name__ == "__main__":
    main()
