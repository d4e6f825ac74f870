"""Writes one page that shows a run: data, numbers, images, how to repeat it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rdd_jax.data.facts import FILE as FACTS
from rdd_jax.report import facts, files, images, sections
from rdd_jax.report.blocks import Section
from rdd_jax.report.drawing import Drawing
from rdd_jax.report.render import render
from rdd_jax.report.tables import WHOLE_RUN
from rdd_jax.runtime.files import write_atomically

PAGE = 'report.html'


def write_report(
  directory: Path, *, title: str, command: str, draw: bool = True
) -> Path:
  """Writes `report.html`, and `figures/`, from what a work directory holds.

  The page needs no network and no other file. Parts whose files are not there
  are left out.

  Args:
    directory: the work directory.
    title: of the page.
    command: that repeats the run.
    draw: whether there are charts.

  Returns:
    The path of the page.
  """
  found = read(directory)
  made = Drawing(directory, wanted=draw)
  body = [part for part in content(found, made, command) if part.blocks]
  page = directory / PAGE
  text = render(
    'page.html',
    title=title,
    sections=body,
    files=files.beside(directory, made.drawn),
  )
  write_atomically(page, text.encode())
  return page


def read(directory: Path) -> sections.Found:
  """Reads what a page shows of a work directory.

  Args:
    directory: of a run, of an evaluation or of labels that were cleaned.
  """
  results = _json(directory / 'results.json')
  variants = _json(directory / 'variants.json')
  rows = results.get('rows', {})
  if variants:  # the run's own is one of them
    rows = {name: one['row'] for name, one in variants.items()}
  return sections.Found(
    directory=directory,
    results=results,
    variants=variants,
    rows=rows,
    own=WHOLE_RUN if variants else 'distilled',
    against='plain' if variants else 'random',
    card=_json(directory / 'card.json'),
    config=_json(directory / 'config.json'),
    facts=_json(directory / FACTS),
    trust=_json(directory / 'trust.json'),
    groups=_json(directory / 'groups.json'),
    cost=_json(directory / 'cost.json'),
    plan=_json(directory / 'plan.json'),
    curves=_json(directory / 'curves' / 'distilled.json'),
    plain=_json(directory / 'variants/plain/curves/distilled.json'),
  )


def content(
  found: sections.Found, draw: Drawing, command: str
) -> list[Section]:
  """Returns the sections of the page of a run; some may be empty.

  Args:
    found: as `read` returns it.
    draw: draws the charts.
    command: that repeats the run.
  """
  cleaned = not found.results
  return [
    Section(
      'The data', facts.data_blocks(found.facts, found.card, found.config)
    ),
    Section(
      'What was run',
      [
        *facts.run_blocks(
          found.facts, found.card, found.config, cleaned=cleaned
        ),
        *sections.compared(found),
      ],
    ),
    Section(
      'What each part buys' if found.variants else 'Results',
      sections.results(found, draw),
    ),
    Section('Images', images.synthetic(found)),
    Section('Labels in doubt', sections.labels(found, draw)),
    Section('Out-of-distribution detection', sections.detection(found, draw)),
    Section('Groups', sections.groups(found, draw)),
    Section('Under shift', sections.shift(found, draw)),
    Section('Other networks', sections.networks(found)),
    Section('DD-Ranking', sections.ranking(found)),
    Section('Loss', sections.loss(found, draw)),
    Section('What it took', sections.cost(found, draw)),
    Section('To repeat it', sections.repeat(found, command)),
  ]


def _json(path: Path) -> Any:
  return json.loads(path.read_text()) if path.exists() else {}
