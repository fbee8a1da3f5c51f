"""Print the most likely next characters after a prompt, and what temperatures make of their probabilities.

Run it: python examples/temperatures.py runs/demo "The functio"
"""

import argparse

import numpy as np

import seqloom

TEMPERATURES = (0, 0.5, 1, 1.2, float("inf"))
ROWS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description="What temperatures do to the next character.")
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("prompt", help="what the next character follows")
    wanted = parser.parse_args()

    run = seqloom.load(wanted.run)
    probabilities = run.next_distribution(wanted.prompt)
    columns = [seqloom.reweight(probabilities, temperature) for temperature in TEMPERATURES]

    print(f"after {wanted.prompt!r}, at temperature")
    print("".rjust(10), *[f"{temperature:>7g}" for temperature in TEMPERATURES])
    for token in np.argsort(-probabilities)[:ROWS]:
        print(repr(run.codec.decode_text([token])).rjust(10), *[f"{column[token]:7.3f}" for column in columns])
    print("bits".rjust(10), *[f"{entropy_bits(column):7.2f}" for column in columns])


def entropy_bits(probabilities: np.ndarray) -> float:
    """How open the choice is: 0 where it is certain, one more for twice as many equal choices."""
    possible = probabilities[probabilities > 0]
    return abs(float((possible * np.log2(possible)).sum()))


if __name__ == "__main__":
    main()
