"""What tests share."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import NOWHERE, Batch

ROOT = Path(__file__).parents[1]
# XLA_FLAGS of a command that has one device, and compiles as tests do.
ONE_DEVICE = (
  '--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters'
  ' --xla_cpu_parallel_codegen_split_count=1'
)


class Tags(HTMLParser):
  """Checks that tags are closed in order, and collects what they point at.

  `sources` are what a page needs to be shown, `links` what it leads to.
  """

  def __init__(self):
    super().__init__()
    self.open: list[str] = []
    self.sources: list[str] = []
    self.links: list[str] = []

  def handle_starttag(self, tag, attrs):
    self.sources += [v for k, v in attrs if k in ('src', 'srcset', 'data')]
    self.links += [v for k, v in attrs if k == 'href']
    if tag not in ('meta', 'img', 'path', 'polyline'):
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    if tag not in ('path', 'polyline'):
      assert self.open.pop() == tag


def batch_of(
  *,
  inputs: Array,
  targets: Array,
  cells: Array,
  weights: Array | None = None,
  groups: Array | None = None,
  index: Array | None = None,
) -> Batch:
  """Rows of weight one, of no group and nowhere in a data set, unless told."""
  n = len(cells)
  return Batch(
    inputs=inputs,
    targets=targets,
    weights=jnp.ones(n) if weights is None else weights,
    cells=cells,
    groups=jnp.full(n, -1) if groups is None else groups,
    index=jnp.full(n, NOWHERE) if index is None else index,
  )
