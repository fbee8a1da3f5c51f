"""Train on a text for a minute, evaluate the model on held-out text, and generate.

Usage: python examples/train_and_write.py novel.txt --minutes 1

Without a text it trains on the reference text that Python contains. The run is stored in runs/example.
"""

import argparse

import seqloom


def main() -> None:
    parser = argparse.ArgumentParser(description="Train on a text and generate more of it.")
    parser.add_argument("source", nargs="?", default="python-docs", help="a file, a folder or a catalogue name")
    parser.add_argument("--minutes", type=float, default=1.0, help="training time")
    arguments = parser.parse_args()

    run = seqloom.train(arguments.source, run="runs/example", minutes=arguments.minutes, hold_out=0.1, overwrite=True)

    held_out = run.evaluate(split="held-out")
    print(f"{held_out.bits_per_char:.3f} bits per character on {held_out.characters:,} held-out characters\n")

    for temperature in (0.2, 0.5, 1.0):
        print(f"--- temperature {temperature}")
        print(run.generate(length=200, temperature=temperature), end="\n\n")

    # A stream yields each piece of text as soon as it is generated.
    for piece in run.stream(length=200, temperature=0.7, seed=1):
        print(piece, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
