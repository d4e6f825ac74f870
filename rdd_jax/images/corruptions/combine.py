"""Corruptions made of corruptions."""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption


def one_of(*corruptions: Corruption) -> Corruption:
  """Applies one of them to each row: as many rows to each, dealt out at random.

  So each is computed on its share of the rows only. The rows that are left
  over, fewer than there are corruptions, go to different ones, and all are
  computed on them. For any one row each is equally likely.

  Raises:
    UserError: for no corruption.
  """
  k = _count('one_of', corruptions)

  def corrupt(key: Array, pixels: Array) -> Array:
    deal, *keys = jax.random.split(key, 1 + k)
    n = len(pixels)
    share, over = divmod(n, k)
    # In one draw, for each takes long to compile.
    u = jax.random.uniform(deal, (n + k,))
    order, chosen = jnp.argsort(u[:n]), jnp.argsort(u[n:])[:over]
    rest = order[n - over :]
    cases = [
      _on_rows(f, key, pixels, jnp.concatenate([own, rest]))
      for f, key, own in zip(
        corruptions, keys, order[: n - over].reshape(k, share), strict=True
      )
    ]
    left = jnp.stack([case[share:] for case in cases])
    left = left[chosen, jnp.arange(over)]
    dealt = jnp.concatenate([*(case[:share] for case in cases), left])
    return jnp.zeros_like(dealt).at[order].set(dealt, unique_indices=True)

  return corrupt


def in_turn(*corruptions: Corruption, period: int) -> Corruption:
  """Applies to row i the corruption number `(i % period) % k`, of k.

  Where rows fill `period` outlier slots in turn, each slot has a corruption of
  its own, as in TrustDD's released code. Each is computed on its rows only; of
  more corruptions than slots the last go unused.

  Args:
    *corruptions: what rows get in turn.
    period: the outlier slots, at least 1.

  Raises:
    UserError: for no corruption, or a period below 1.
  """
  k = _count('in_turn', corruptions)
  if period < 1:
    raise UserError(f'in_turn(period={period}): take the number of slots')

  def corrupt(key: Array, pixels: Array) -> Array:
    turn = np.arange(len(pixels)) % period % k
    order = np.argsort(turn, kind='stable')
    keys = jax.random.split(key, k)
    cases = [
      _on_rows(f, key, pixels, jnp.asarray(np.flatnonzero(turn == i)))
      for i, (f, key) in enumerate(zip(corruptions, keys, strict=True))
      if i in turn
    ]
    return jnp.concatenate(cases)[np.argsort(order)] if cases else pixels

  return corrupt


def sequence(*corruptions: Corruption) -> Corruption:
  """Applies all of them, one after the other.

  Raises:
    UserError: for no corruption.
  """
  k = _count('sequence', corruptions)

  def corrupt(key: Array, pixels: Array) -> Array:
    for i in range(k):
      pixels = corruptions[i](jax.random.fold_in(key, i), pixels)
    return pixels

  return corrupt


def _count(what: str, corruptions: tuple[Corruption, ...]) -> int:
  if not corruptions:
    raise UserError(f'{what}(): no corruption was given, take at least one')
  return len(corruptions)


def _on_rows(f: Corruption, key: Array, pixels: Array, rows: Array) -> Array:
  """`f` on `rows i[m]`; a lone one has company, lest it pair with itself."""
  m, n = len(rows), len(pixels)
  if m == 1 and n > 1:
    rows = jnp.concatenate([rows, (rows + 1) % n])
  return f(key, pixels[rows])[:m]
