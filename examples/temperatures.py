"""Print the most likely next characters after a prompt, with their probabilities at several temperatures.

Usage: python examples/temperatures.py runs/demo "The functio"
"""

import argparse

import numpy as np

import seqloom

TEMPERATURES = (0, 0.5, 1, 1.2, float("inf"))
ROWS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the effect of the temperature on the next character.")
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("prompt", help="text before the next character")
    arguments = parser.parse_args()

    run = seqloom.load(arguments.run)
    probabilities = run.next_distribution(arguments.prompt)
    columns = [seqloom.reweight(probabilities, temperature) for temperature in TEMPERATURES]

    print(f"after {arguments.prompt!r}, at temperature")
    print("".rjust(10), *[f"{temperature:>7g}" for temperature in TEMPERATURES])
    for token in np.argsort(-probabilities)[:ROWS]:
        print(repr(run.codec.decode_text([token])).rjust(10), *[f"{column[token]:7.3f}" for column in columns])
    print("bits".rjust(10), *[f"{entropy_bits(column):7.2f}" for column in columns])


def entropy_bits(probabilities: np.ndarray) -> float:
    """Return the entropy of a distribution in bits: 0 if it is certain, log2(n) for n equally likely outcomes."""
    positive = probabilities[probabilities > 0]
    return abs(float((positive * np.log2(positive)).sum()))


if __name__ == "__main__":
    main()
