"""Scores labels in doubt against the truth, beside cleanlab's.

python tests/messy.py PHOTOS
python -m rdd_jax.main --config=configs/own.py:data=folder:PHOTOS,task=clean
python launch/messy_folder.py PHOTOS RUN/relabeled.csv

cleanlab is asked as its guide shows: probabilities by a small ConvNet of
PyTorch's in five folds, with random crops, 30 epochs of Adam, and then
`find_label_issues` and the class that the network says. It is given what we
could read.
"""

from __future__ import annotations

from collections.abc import Iterator
import csv
from pathlib import Path
import time

from absl import app
import cleanlab  # pyright: ignore[reportMissingImports]
import numpy as np
from PIL import Image
from sklearn.model_selection import StratifiedKFold
import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

SIDE, FOLDS, EPOCHS, BATCH = 32, 5, 30, 64


def network(classes: int) -> nn.Module:
  """Returns three blocks of convolution, normalization and pooling."""

  def blocks() -> Iterator[nn.Module]:
    for width_in, width in ((3, 32), (32, 32), (32, 64)):
      yield nn.Conv2d(width_in, width, 3, padding=1)
      yield nn.BatchNorm2d(width)
      yield nn.ReLU()
      yield nn.MaxPool2d(2)

  pool = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, classes))
  return nn.Sequential(*blocks(), *pool)


def probabilities(x: torch.Tensor, y: torch.Tensor, k: int) -> np.ndarray:
  """Returns held-out class probabilities, `f[N, k]`.

  Args:
    x: `f[N, 3, S, S]`.
    y: `i[N]`, as given.
    k: the number of classes.
  """
  out = np.zeros((len(y), k))
  folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
  for train, held in folds.split(np.zeros(len(y)), y):
    torch.manual_seed(0)
    net = network(k).train()
    opt = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(EPOCHS):
      for rows in torch.randperm(len(train)).split(BATCH):
        at = train[rows.numpy()]
        padded = nn.functional.pad(x[at], (2, 2, 2, 2))
        i, j = torch.randint(5, (2,)).tolist()
        crop = padded[:, :, i : i + SIDE, j : j + SIDE]
        loss = nn.functional.cross_entropy(net(crop), y[at])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
      out[held] = net(x[held]).softmax(1).numpy()
  return out


def row(
  name: str,
  doubted: np.ndarray,
  proposed: np.ndarray,
  given: np.ndarray,
  truth: np.ndarray,
  seconds: str,
) -> str:
  """Returns a row of a table, in per cent.

  Args:
    name: of the method.
    doubted: `b[N]`, the rows it leaves out or relabels.
    proposed: `[N]`, the class it says.
    given: `[N]`, the class of the directory.
    truth: `[N]`, the true class.
    seconds: what it took.
  """
  wrong = given != truth
  found = 100 * np.array(
    [
      doubted.mean(),
      wrong[doubted].mean(),
      doubted[wrong].mean(),
      (proposed == truth)[doubted].mean(),
      wrong[~doubted].mean(),
    ]
  )
  return f'| {name} | {" | ".join(f"{x:.1f}" for x in found)} | {seconds} |'


def main(argv: list[str]) -> None:
  """Prints the table."""
  photos, relabeled = map(Path, argv[1:3])
  with photos.with_suffix('.csv').open() as file:
    belongs = {line['file']: line['true'] for line in csv.DictReader(file)}
  with relabeled.open() as file:
    lines = list(csv.DictReader(file))
  names = sorted(set(belongs.values()))
  truth = np.array([belongs[line['file']] for line in lines])
  given = np.array([line['given'] for line in lines])
  proposed = np.array([line['proposed'] for line in lines])
  doubted = np.array([line['trust'] != 'trusted' for line in lines])
  print('| | doubted | wrong of these | of the wrong ones, doubted | right')
  print('proposals for these | wrong in what is left | s |')
  print(row('rdd_jax', doubted, proposed, given, truth, ''))
  start = time.perf_counter()
  x = np.stack([_image(photos / line['file']) for line in lines])
  y = np.array([names.index(name) for name in given])
  chance = probabilities(torch.from_numpy(x), torch.from_numpy(y), len(names))
  issues = cleanlab.filter.find_label_issues(y, chance)
  seconds = f'{time.perf_counter() - start:.0f}'
  said = np.array(names)[chance.argmax(1)]
  name = f'cleanlab {cleanlab.__version__}'
  print(row(name, np.asarray(issues), said, given, truth, seconds))


def _image(file: Path) -> np.ndarray:
  image = Image.open(file)
  if image.mode == 'I;16':  # which Pillow would cut off at 255
    image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
  image = image.convert('RGB').resize((SIDE, SIDE))
  return np.asarray(image, np.float32).transpose(2, 0, 1) / 127.5 - 1


if __name__ == '__main__':
  app.run(main)
