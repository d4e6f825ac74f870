"""Puts together the sections of a page from what a work directory holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any, NamedTuple

from rdd_jax.report import charts, images
from rdd_jax.report.blocks import Chart, Charts, Code, Details, Terms, Text
from rdd_jax.report.cost import cost_table, costs_table
from rdd_jax.report.drawing import Drawing
from rdd_jax.report.groups import group_table, shown_table
from rdd_jax.report.label_noise import DISTRUSTED, trust_table, verdict
from rdd_jax.report.ood import ood_tables
from rdd_jax.report.shift import levels, shift_table
from rdd_jax.report.tables import (
  class_table,
  glossary,
  networks_table,
  ranking_table,
  summary_table,
  variants_table,
)
from rdd_jax.report.words import arms, parts


class Found(NamedTuple):
  """Holds what a work directory holds; {} where there is no file.

  Attributes:
    directory: the work directory.
    results: of `results.json`.
    variants: of `variants.json`.
    rows: what is tabulated, by arm.
    own: the arm that is set off.
    against: the arm whose numbers are subtracted.
    card: of the set.
    config: of the run.
    facts: of the data.
    trust: of `trust.json`.
    groups: of `groups.json`.
    cost: of `cost.json`.
    plan: of `plan.json`.
    curves: of detection.
    plain: likewise, of the method without protection.
  """

  directory: Path
  results: Any
  variants: Any
  rows: Mapping[str, Any]
  own: str
  against: str
  card: Any
  config: Any
  facts: Any
  trust: Any
  groups: Any
  cost: Any
  plan: Any
  curves: Any
  plain: Any

  @property
  def class_names(self) -> Sequence[str]:
    """Returns the names of classes; () where they are not known."""
    return self.card.get('class_names', ())


def charts_of(found: Sequence[Chart]) -> list[Any]:
  """Returns charts as a block of a page; none for none."""
  return [Charts(found)] if found else []


def compared(found: Found) -> list[Any]:
  """Explains the sets that are compared."""
  explained = arms(list(found.rows), parts(found.config))
  return (
    [Details('What it is compared with', [Terms(explained)])]
    if (len(explained) > 1)
    else []
  )


def results(found: Found, draw: Drawing) -> list[Any]:
  """Shows the numbers: a chart, a table, what they mean, by class."""
  if not found.rows:
    return []
  numbers = summary_table(found.rows, found.against)
  if found.variants:  # the most important ones
    tables = [
      variants_table(found.variants),
      Details('All numbers', [numbers]),
    ]
  else:
    tables = [numbers]
  classes = class_table(found.rows, found.class_names)
  return [
    *charts_of(charts.bought(draw, found.rows, found.own, found.against)),
    *tables,
    Details('What these numbers mean', [Terms(glossary(found.rows))]),
    Details('Accuracy by class', [classes]),
  ]


def labels(found: Found, draw: Drawing) -> list[Any]:
  """Shows which labels are in doubt, with their images."""
  if not found.trust:
    return []
  said = verdict(found.trust[-1])
  blocks: list[Any] = [
    Text(f'{said[0].upper()}{said[1:]}.'),
    *charts_of(charts.trust(draw, found.trust)),
    trust_table(found.trust),
    *images.doubtful(found.directory),
  ]
  if (found.directory / DISTRUSTED).exists():
    table = images.doubts_table(found.directory / DISTRUSTED)
    blocks.append(Details('Their files', [table]))
  return blocks


def detection(found: Found, draw: Drawing) -> list[Any]:
  """Shows how well images of other kinds are told apart."""
  outside = found.results.get('outside')
  if not outside:
    return []
  first, *more = ood_tables(found.rows, outside)
  return [
    *charts_of(charts.detection(draw, found.curves, found.plain)),
    Text(
      f'{outside["rows"]:,} test images against n of each set. Sets in '
      'brackets are of a kind that some arm trained on, and are not in the '
      'means. Near: like the data; far: unlike it.',
      soft=True,
    ),
    first,
    Details('By other scores', more),
  ]


def groups(found: Found, draw: Drawing) -> list[Any]:
  """Shows how far groups are apart, and which ones were found."""
  blocks = charts_of(charts.groups(draw, found.rows))
  if found.groups:
    blocks.append(group_table(found.groups, found.class_names))
    rare = images.set_apart(found.directory, found.groups, found.class_names)
    blocks += rare
    if rare:
      files = shown_table(found.groups, found.class_names)
      blocks.append(Details('Their files', [files]))
  return blocks


def shift(found: Found, draw: Drawing) -> list[Any]:
  """Shows accuracy on images that are not like those of training."""
  shifted = found.results.get('shift')
  if not shifted:
    return []
  return [
    *charts_of(charts.severity(draw, found.rows, levels(shifted), found.own)),
    shift_table(found.rows, shifted),
  ]


def networks(found: Found) -> list[Any]:
  """Shows accuracy of networks that images were not matched with."""
  others = found.results.get('networks')
  return [networks_table(others)] if others else []


def ranking(found: Found) -> list[Any]:
  """Shows DD-Ranking's scores."""
  scores = found.results.get('ranking')
  return [ranking_table(scores)] if scores else []


def loss(found: Found, draw: Drawing) -> list[Any]:
  """Shows the loss of distillation."""
  return charts_of(charts.losses(draw, found.directory))


def cost(found: Found, draw: Drawing) -> list[Any]:
  """Shows what the run took, and each variant."""
  if not found.cost:
    return []
  own = cost_table(found.cost, found.plan)
  every = {
    name: one['cost'] for name, one in found.variants.items() if one['cost']
  }
  if len(every) < 2:
    return [*charts_of(charts.cost(draw, {'this run': found.cost})), own]
  return [
    *charts_of(charts.cost(draw, every)),
    costs_table(every),
    Details(f'{found.own} alone', [own]),
  ]


def repeat(found: Found, command: str) -> list[Any]:
  """Shows the command, the configuration and the versions."""
  blocks: list[Any] = [Code('Command', command)] if command else []
  if found.config:
    text = json.dumps(found.config, indent=2)
    blocks.append(Details('Config', [Code('Configuration', text)]))
  if found.card.get('versions'):
    versions = {**found.card['versions'], 'git': found.card.get('git')}
    text = ', '.join(f'{k} {v}' for k, v in versions.items() if v)
    blocks.append(Text(text, soft=True))
  return blocks
