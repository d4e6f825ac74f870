#!/usr/bin/env bash
# cleanlab 2.9.0: `generate_noisy_labels` flips no label where classes are many.
#
# Guess: symmetric noise of 10 percent, given as a matrix, flips about 10
# percent of labels: its docstring says that labels are generated "exactly"
# yielding the matrix, by code that rounds counts.
# Seen: counts are truncated, for each pair of classes. 10 percent of CIFAR-100
# is half a label for each pair, so that no label at all is flipped, and nothing
# is said; of 1,000 classes of 1,300 images, 60 percent flips none, and 80
# percent flips 77. Of ten classes there is less to lose: 9.9 percent of 10.
# (github.com/cleanlab/cleanlab/issues/977, where 20 percent became 4, was
# answered with the advice to pass a matrix of one's own.)
# Output: 10% of 10 x 1000: 9.9%; 10% of 100 x 500: 0.0%; 60% of 1000 x 1300:
#   0.0%; 80% of 1000 x 1300: 76.8%
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q cleanlab==2.9.0 numpy==2.4.6
cd "$scratch"
"$scratch/venv/bin/python" -W error - 2> log <<'END' || {
from cleanlab.benchmarking.noise_generation import generate_noisy_labels
import numpy as np


def flipped(rate: float, classes: int, images: int) -> str:
  """The share of labels that differ, under symmetric noise."""
  labels = np.repeat(np.arange(classes), images)
  matrix = np.full((classes, classes), rate / (classes - 1))
  np.fill_diagonal(matrix, 1 - rate)
  assert np.allclose(matrix.sum(0), 1)
  return f'{(generate_noisy_labels(labels, matrix) != labels).mean():.1%}'


cases = (0.1, 10, 1000), (0.1, 100, 500), (0.6, 1000, 1300), (0.8, 1000, 1300)
seen = [flipped(*case) for case in cases]
print(
  '; '.join(
    f'{rate:.0%} of {classes} x {images}: {share}'
    for (rate, classes, images), share in zip(cases, seen)
  )
)
assert seen == ['9.9%', '0.0%', '0.0%', '76.8%'], 'the behavior has changed'
END
  cat log >&2
  exit 1
}
