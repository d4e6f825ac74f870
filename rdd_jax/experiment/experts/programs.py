"""Experts that train side by side, as compiled programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.feed import (
  Advance,
  Drawn,
  Window,
  fed,
  pixels_of,
  with_pixels,
)
from rdd_jax.core.measure import Measure
from rdd_jax.core.sharding import each
from rdd_jax.core.streamed import Images
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.expert import Expert, ExpertState


class Program(NamedTuple):
  """Several experts at once, each function compiled once.

  Attributes:
    init: `(roots) -> state`.
    draw: `(roots, epoch, images, measure)` to what the steps of an epoch take.
    part: `(drawn, images, state, first, last) -> state`; of images, or of a
      window of a stream.
    epoch: `(state, roots, epoch, images, measure) -> state`.
    flatten: `(state) -> f[k, p]`.
    in_parts: whether an epoch takes several calls of `part`.
  """

  init: Callable[[Array], ExpertState]
  draw: Callable[[Array, int, Images, Measure], Drawn]
  part: Callable[
    [Drawn, Images | Window, ExpertState, Array | int, Array | int], ExpertState
  ]
  epoch: Callable[[ExpertState, Array, int, Images, Measure], ExpertState]
  flatten: Callable[[ExpertState], Array]
  in_parts: bool

  def of_epoch(
    self, roots: Array, number: int, images: Images, measure: Measure
  ) -> Advance[ExpertState]:
    """Returns how experts take steps of an epoch: `(state, first, last)`.

    Args:
      roots: typed keys `[k]`, of their randomness.
      number: of the epoch.
      images: `u8[N, H, W, C]`.
      measure: over the same rows.
    """
    if not self.in_parts:
      return lambda state, *_: self.epoch(state, roots, number, images, measure)
    drawn = self.draw(roots, number, images, measure)
    axis = 1 if len(roots) == 1 else 0  # devices share rows, or experts
    order = meshes.gather(drawn[1].inputs)
    return fed(images, order, partial(self.part, drawn), axis)


def program_of(
  expert: Expert, mesh: Mesh, parallel: int, *, streamed: bool = False
) -> Program:
  """Shares experts out to the devices; those of one go as `each` decides.

  One expert alone is trained by all devices together, each of which has its
  share of the rows of a step.

  Args:
    expert: how one trains.
    mesh: of the devices, which is set.
    parallel: a multiple of the devices, or 1.
    streamed: whether it trains on a stream, which feeds it.
  """
  own, whole = PartitionSpec('data'), PartitionSpec()
  given: Any = Window(own, whole) if streamed else whole

  def share(fn: Callable, *specs: Any) -> Callable:
    if mesh.size > 1 and parallel == 1:
      return jax.jit(fn, out_shardings=NamedSharding(mesh, whole))
    if mesh.size > 1:
      fn = jax.shard_map(
        fn, mesh=mesh, in_specs=specs, out_specs=own, check_vma=False
      )
    return jax.jit(fn)

  def init(roots: Array) -> ExpertState:
    return each(lambda key: expert.init(keys.named(key, 'init')), roots)

  def of_epoch(root: Array, number: Array) -> Array:
    return jax.random.fold_in(keys.named(root, 'epoch'), number)

  def draw(
    roots: Array, number: Array, images: Images, measure: Measure
  ) -> Drawn:
    return each(
      lambda x: expert.draw(of_epoch(x, number), images, measure), roots
    )

  def part(
    drawn: Drawn,
    images: Images | Window,
    state: ExpertState,
    first: Array,
    last: Array,
  ) -> ExpertState:
    def one(x: tuple[Drawn, Any, ExpertState]) -> ExpertState:
      drawn, pixels, state = x
      own = with_pixels(images, pixels)
      return expert.part(state, drawn, own, first, last)

    return each(one, (drawn, pixels_of(images), state))

  def epoch(
    state: ExpertState,
    roots: Array,
    number: Array,
    images: Images,
    measure: Measure,
  ) -> ExpertState:
    def one(x: tuple[ExpertState, Array]) -> ExpertState:
      return expert.epoch(x[0], of_epoch(x[1], number), images, measure)

    return each(one, (state, roots))

  def flatten(state: ExpertState) -> Array:
    return jax.vmap(networks.flatten)(state.learner.variables)

  on_cpu = jax.process_count() == 1 and jax.default_backend() == 'cpu'
  return Program(
    share(init, own),
    share(draw, own, whole, whole, whole),
    share(part, own, given, own, whole, whole),
    share(epoch, own, own, whole, whole, whole),
    share(flatten, own),
    on_cpu or streamed,
  )
