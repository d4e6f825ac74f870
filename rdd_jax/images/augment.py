"""Differentiable Siamese augmentation (Zhao and Bilen, 2021), and CutMix.

A family is a function `(key, images f[n, H, W, C], siamese) -> images`, affine
in the images, for any size and number of channels, that keeps the dtype.
`siamese` asks for one draw of the parameters for all images, so that one key
transforms real and synthetic images alike; otherwise each image has its own
draw. What comes from outside an image is 0, which after normalization is the
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
import math
from typing import Literal

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import naming
from rdd_jax.core.errors import choose
from rdd_jax.core.keys import named
from rdd_jax.core.naming import Value
from rdd_jax.images.crops import resized
from rdd_jax.images.draws import box, draw

Augment = Callable[[Array, Array], Array]


def color(
  key: Array,
  images: Array,
  siamese: bool,
  *,
  brightness: float = 1.0,
  saturation: float = 2.0,
  contrast: float = 0.5,
) -> Array:
  """Changes brightness, saturation and contrast, as one affine map.

  With u ~ U(-1, 1), `brightness * u / 2` is added to the image, its distance
  from gray is multiplied by `1 + saturation * u / 2`, and the result's distance
  from the image's mean by `1 + contrast * u`. On one channel saturation does
  nothing.

  Args:
    key, images, siamese: see the module.
    brightness, saturation, contrast: strengths, not negative; 0 is none.

  >>> color(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  u = 2 * draw(key, 3, images, siamese).astype(images.dtype) - 1
  b = u[0] * brightness / 2
  s = 1 + u[1] * saturation / 2
  c = 1 + u[2] * contrast
  gray = images.mean(-1, keepdims=True)
  mean = gray.mean((1, 2), keepdims=True)
  return c * (s * images + (1 - s) * gray) + (1 - c) * mean + b


def crop(
  key: Array, images: Array, siamese: bool, *, fraction: float = 0.125
) -> Array:
  """Shifts by up to `int(size * fraction + .5)` pixels along each axis.

  Args:
    key, images, siamese: see the module.
    fraction: of the side, in [0, 1].

  >>> crop(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  n, *shape = images.shape
  most = np.array([int(size * fraction + 0.5) for size in shape[:2]])
  u = draw(key, 2, images, siamese)[..., 0, 0, 0]
  corners = jnp.int32(u * (2 * most[:, None] + 1)).T
  padded = jnp.pad(images, ((0, 0), *((m, m) for m in most), (0, 0)))
  return jax.vmap(
    lambda image, at: jax.lax.dynamic_slice(image, jnp.pad(at, (0, 1)), shape)
  )(padded, jnp.broadcast_to(corners, (n, 2)))


def cutout(
  key: Array, images: Array, siamese: bool, *, fraction: float = 0.5
) -> Array:
  """Blanks a box of `fraction` of each side, centered anywhere in the image.

  Args:
    key, images, siamese: see the module.
    fraction: of each side, in [0, 1].

  >>> cutout(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  u = draw(key, 2, images, siamese)
  return jnp.where(box(u, images, fraction), 0, images)


def flip(
  key: Array, images: Array, siamese: bool, *, probability: float = 0.5
) -> Array:
  """Mirrors left and right.

  Args:
    key, images, siamese: see the module.
    probability: of mirroring.

  >>> flip(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  mirrored = draw(key, 1, images, siamese)[0] < probability
  return jnp.where(mirrored, images[:, :, ::-1], images)


def scale(
  key: Array, images: Array, siamese: bool, *, ratio: float = 1.2
) -> Array:
  """Zooms each axis by its own factor, 1 / U(1 / ratio, ratio), bilinearly.

  Args:
    key, images, siamese: see the module.
    ratio: the largest factor, at least 1.

  >>> scale(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  n, h, w, _ = images.shape
  y, x = 1 / ratio + (ratio - 1 / ratio) * draw(key, 2, images, siamese)

  def interpolation(step: Array, size: int) -> Array:
    at = (jnp.arange(size) - (size - 1) / 2)[None, :, None] * step[..., 0]
    distance = at + (size - 1) / 2 - jnp.arange(size)[None, None]
    # The hat function is bilinear sampling, zeros outside included. Two small
    # products have a gradient five times faster than a gather's on a CPU.
    weights = jnp.maximum(1 - jnp.abs(distance), 0).astype(images.dtype)
    return jnp.broadcast_to(weights, (n, size, size))

  dot = partial(jnp.einsum, precision='highest')
  images = dot('nyi,nijc->nyjc', interpolation(y, h), images)
  return dot('nxj,nyjc->nyxc', interpolation(x, w), images)


def rotate(
  key: Array, images: Array, siamese: bool, *, degrees: float = 15.0
) -> Array:
  """Turns about the center by U(-degrees, degrees), bilinearly.

  As PyTorch's `affine_grid` and `grid_sample` with `align_corners=False`, which
  turn in coordinates that make any image a square.

  Args:
    key, images, siamese: see the module.
    degrees: the largest angle.

  >>> rotate(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  n, h, w, c = images.shape
  u = draw(key, 1, images, siamese)[0, ..., 0]
  angle = (2 * u - 1) * math.radians(degrees)
  y = (jnp.arange(h) - (h - 1) / 2)[None, :, None]
  x = (jnp.arange(w) - (w - 1) / 2)[None, None, :]
  at_y = jnp.sin(angle) * x * (h / w) + jnp.cos(angle) * y + (h - 1) / 2
  at_x = jnp.cos(angle) * x - jnp.sin(angle) * y * (w / h) + (w - 1) / 2
  # One ring of zeros stands for everything outside.
  ring = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
  ring = ring.reshape(n, (h + 2) * (w + 2), c)
  at_y, at_x = jnp.clip(at_y + 1, 0, h + 1), jnp.clip(at_x + 1, 0, w + 1)
  top = jnp.minimum(jnp.floor(at_y), h).astype(jnp.int32)
  left = jnp.minimum(jnp.floor(at_x), w).astype(jnp.int32)

  def corner(down: int, right: int) -> Array:
    row, column = top + down, left + right
    weights = (1 - jnp.abs(at_y - row)) * (1 - jnp.abs(at_x - column))
    index = (row * (w + 2) + column).reshape(-1, h * w, 1)
    pixels = jnp.take_along_axis(ring, index, 1, mode='clip')
    return weights[..., None].astype(ring.dtype) * pixels.reshape(n, h, w, c)

  return corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1)


FAMILIES = {
  f.__name__: f for f in (color, crop, cutout, flip, scale, rotate, resized)
}
_LEAST = Value(
  'share', 0.08, 'in (0, 1]', lambda share: 0 < share <= 1, default=0.08
)
_VALUES = {name: (_LEAST,) if name == 'resized' else () for name in FAMILIES}


def parse(families: str) -> tuple[str, ...]:
  """Returns the names in a string such as the papers' `color_crop_cutout`.

  Raises:
    UserError: for an unknown name, or a number that cannot be.

  >>> parse('color_crop_flip'), parse('none'), parse('flip_resized-0.5')
  (('color', 'crop', 'flip'), (), ('flip', 'resized-0.5'))
  """
  names = [] if families in ('', 'none') else families.split('_')
  for name in names:
    naming.parse('augmentation family', name, _VALUES)
  return tuple(names)


def compose(*augments: Augment) -> Augment:
  """Returns all of them in order, each with its own key.

  >>> double = lambda key, images: 2 * images
  >>> compose(double, double)(jax.random.key(0), jnp.ones(1)).item()
  4.0
  """

  def apply(key: Array, images: Array) -> Array:
    for i, augment in enumerate(augments):
      images = augment(jax.random.fold_in(key, i), images)
    return images

  return apply


def one_of(*augments: Augment) -> Augment:
  """Returns one of them a call; under `vmap` over keys all of them run.

  >>> double = lambda key, images: 2 * images
  >>> one_of(double, double)(jax.random.key(0), jnp.ones(1)).item()
  2.0
  """

  def apply(key: Array, images: Array) -> Array:
    i = jax.random.randint(named(key, 'choice'), (), 0, len(augments))
    return jax.lax.switch(i, augments, named(key, 'chosen'), images)

  return apply


def dsa(
  families: Sequence[str],
  *,
  siamese: bool,
  convention: Literal['one', 'idc'] = 'one',
  flip: float = 0.5,
  scale: float = 1.2,
  rotate: float = 15.0,
  crop: float = 0.125,
  cutout: float = 0.5,
  brightness: float = 1.0,
  saturation: float = 2.0,
  contrast: float = 0.5,
) -> Augment:
  """Returns a method's augmentation, from names and strengths of families.

  Args:
    families: names among `FAMILIES`; none gives the identity. `resized-0.5` is
      of parts of half of the area at least.
    siamese: one draw of the parameters a call, or one for each image. Even so
      the family is chosen once a call.
    convention: 'one' applies exactly one family (DC, DSA, DM, MTT); 'idc'
      applies flip, color and cutout where listed, and one of the rest.
    flip: probability; the other strengths are those of the families.

  Raises:
    UserError: for an unknown family or convention.

  >>> augment = dsa(('crop', 'flip'), siamese=True)
  >>> augment(jax.random.key(0), jnp.ones((2, 8, 8, 1))).shape
  (2, 8, 8, 1)
  """
  tint = dict(brightness=brightness, saturation=saturation, contrast=contrast)
  strengths = {
    'color': tint,
    'crop': {'fraction': crop},
    'cutout': {'fraction': cutout},
    'flip': {'probability': flip},
    'scale': {'ratio': scale},
    'rotate': {'degrees': rotate},
  }
  listed: dict[str, Augment] = {}
  for spec in families:
    name, values = naming.parse('augmentation family', spec, _VALUES)
    given = dict(zip(('least',), values, strict=False)) or strengths[name]
    listed[name] = partial(FAMILIES[name], siamese=siamese, **given)
  always = {'one': ((), ()), 'idc': (('flip', 'color'), ('cutout',))}
  before, after = choose('augmentation convention', convention, always)
  rest = [f for name, f in listed.items() if name not in before + after]
  return compose(
    *(listed[name] for name in before if name in listed),
    *([one_of(*rest)] if rest else []),
    *(listed[name] for name in after if name in listed),
  )


def flip_shift(*, siamese: bool, flip: bool = True) -> Augment:
  """Returns mirroring, then shifts by up to an eighth; `flip=False` for digits.

  Args:
    siamese: as for `dsa`.
    flip: mirror with probability 1/2.

  >>> augment = flip_shift(siamese=False)
  >>> augment(jax.random.key(0), jnp.ones((2, 8, 8, 1))).shape
  (2, 8, 8, 1)
  """
  families = ('flip', 'crop') if flip else ('crop',)
  return dsa(families, siamese=siamese, convention='idc')
