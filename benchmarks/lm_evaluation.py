"""The lm-evaluation-harness over HTTP: does it measure what seqloom measures in this process?

The harness (lm-eval 0.4.13, unmodified, in an environment of its own) evaluates a served run with its model
`local-completions`, on two tasks made from a text: the likelihood of the true continuation of a passage and of a false
one, and the likelihood of whole passages. Every log-likelihood is compared with that of the run.

    python -m venv lm && lm/bin/pip install torch 'lm-eval[api]==0.4.13'
    python benchmarks/lm_evaluation.py RUN TEXT --harness lm/bin/lm_eval
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from markdown import print_table
from served import serving

import seqloom
from seqloom.evaluation.token_scores import token_scores
from seqloom.lm.evaluate import run_scorer

MAX_LENGTH = 2048
"""Context of the harness, in tokens; all passages are shorter."""

CHOICE_TASK = """task: seqloom_continuation
dataset_path: json
dataset_kwargs: {data_files: {test: CHOICES}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_choice: "{{choices}}"
doc_to_target: label
target_delimiter: ""
metric_list: [{metric: acc}]
"""

ROLLING_TASK = """task: seqloom_passages
dataset_path: json
dataset_kwargs: {data_files: {test: PASSAGES}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: word_perplexity}]
"""


def write_tasks(text: str, folder: Path, count: int) -> None:
    """Write the tasks and their data."""
    draw = random.Random(0)
    starts = [draw.randrange(len(text) - 400) for _ in range(count)]
    choices = []
    for start in starts:
        cut = start + draw.randrange(50, 200)
        true, false = text[cut : cut + 40], text[(other := draw.choice(starts)) : other + 40]
        choices.append({"context": text[start:cut].rstrip(), "choices": [true, false], "label": 0})
    passages = [{"text": text[start : start + draw.randrange(100, 400)]} for start in starts]
    for name, rows in (("choices", choices), ("passages", passages)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    for name, task, data in (("choices", CHOICE_TASK, "CHOICES"), ("passages", ROLLING_TASK, "PASSAGES")):
        (folder / f"{name}.yaml").write_text(task.replace(data, str(folder / f"{name}.jsonl")), encoding="utf-8")


def evaluate(harness: str, url: str, model: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Let the harness evaluate a served run, and return its samples by task."""
    arguments = f"model={model},base_url={url}v1/completions,tokenizer_backend=remote,max_length={MAX_LENGTH}"
    command = [harness, "--model", "local-completions", "--model_args", f"{arguments},num_concurrent=4"]
    tasks = ["--tasks", "seqloom_continuation,seqloom_passages", "--include_path", str(folder)]
    results = folder / "results"
    subprocess.run([*command, *tasks, "--output_path", str(results), "--log_samples"], check=True)
    samples = {}
    for path in results.rglob("samples_*.jsonl"):
        name = "seqloom_continuation" if "continuation" in path.name else "seqloom_passages"
        samples[name] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return samples


def nats(run: seqloom.Run, context: str, continuation: str) -> float:
    """Return the log-likelihood of a continuation; the start token stands before an empty context."""
    encode = run.codec.encode_text
    before = encode(context) if context else np.array([run.codec.bos_id])
    ids = np.concatenate([before, encode(context + continuation)[len(before) if context else 0 :]])
    scores = list(token_scores(run_scorer(run), ids))
    return float(sum(score.log_prob for score in scores[len(before) - 1 :]))


def compare(run: seqloom.Run, samples: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """Return a row for each task: the largest difference in nats per token."""
    rows = []
    for name, of_task in samples.items():
        differences = []
        for sample in of_task:
            document = sample["doc"]
            if "text" in document:
                pairs = [("", document["text"], float(sample["resps"][0][0]))]
            else:
                values = [float(response[0][0]) for response in sample["resps"]]
                pairs = [
                    (document["context"], text, value) for text, value in zip(document["choices"], values, strict=True)
                ]
            for context, text, value in pairs:
                length = max(1, len(run.codec.encode_text(text)))
                differences.append(abs(nats(run, context, text) - value) / length)
        rows.append([name, f"{len(of_task):,}", f"{max(differences):.1e}"])
    return rows


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("text")
    parser.add_argument("--harness", default="lm_eval")
    parser.add_argument("--count", type=int, default=50)
    args = parser.parse_args()
    if not Path(args.text).is_file():
        parser.error(f"there is no text {args.text}: name a text file like that of the training")
    run = seqloom.load(args.run)
    text = run.codec.known_text(run.normalize(Path(args.text).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as name, serving(args.run) as server:
        write_tasks(text, Path(name), args.count)
        samples = evaluate(args.harness, server.url, run.path.name, Path(name))
    print_table(["task", "documents", "largest difference, nats per token"], compare(run, samples))


if __name__ == "__main__":
    main()
