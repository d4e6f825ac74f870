"""Lists the files of a work directory that somebody may want to take away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rdd_jax.report.blocks import File

# In the order of the page: name, and what it holds.
FILES = (
  ('distilled.npz', 'the set: images, labels, weights'),
  ('card.json', 'what the set is, and how it was made'),
  ('grid.png', 'the images of the set as one picture'),
  ('results.json', 'every number'),
  ('variants.json', 'every number of each part'),
  ('variants.md', 'the table of parts, for a README'),
  ('relabeled.csv', 'every label, the most doubtful first'),
  ('distrusted.csv', 'the labels in doubt of this page'),
  ('groups.csv', 'the group of every image'),
  ('metrics.jsonl', 'what was logged while distilling'),
  ('data.json', 'what the data are'),
  ('config.json', 'the whole configuration'),
)


def beside(directory: Path, figures: Sequence[str]) -> list[File]:
  """Lists files of a work directory, as links from its page.

  Args:
    directory: of the run.
    figures: the names of those that were drawn.
  """
  found = [
    File(name, what) for name, what in FILES if (directory / name).exists()
  ]
  if figures:
    found.append(File('figures/', 'every chart as PDF, SVG and PNG'))
  pages = sorted(directory.glob('variants/*/report.html'))
  found += [
    File(
      quote(page.relative_to(directory).as_posix()),
      f'the page of {page.parent.name} alone',
    )
    for page in pages
  ]
  return found
