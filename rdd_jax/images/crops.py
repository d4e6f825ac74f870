"""Random crops of images, enlarged or reduced to one size."""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.images.draws import draw


def resized_crops(
  u: Array, images: Array, size: tuple[int, int], least: float
) -> Array:
  """Takes a square from each image, and resizes it, bilinearly.

  Its area is a share of the image's drawn from U(least, 1), and it stands
  anywhere in the image; of an image that is no square, its side is at most the
  shorter one. Reduced crops are smoothed, as `jax.image.resize` does.

  Args:
    u: `f[n, 3]` in [0, 1): of the area, and of the corner.
    images: `f[n, H, W, C]`.
    size: `(h, w)` of what is returned, in pixels.
    least: share of the area, in [0, 1].

  Returns:
    `f[n, h, w, C]`.

  Deviations: at its edges a resized crop mixes in the pixels beside it, where
    `torchvision` first cuts, and mixes in none.

  Source: Szegedy et al., Going Deeper with Convolutions, CVPR 2015, sec. 6.

  >>> image = jnp.arange(16.0).reshape(1, 4, 4, 1)
  >>> whole = resized_crops(jnp.zeros((1, 3)), image, (4, 4), least=1.0)
  >>> bool(jnp.allclose(whole, image))
  True
  """
  height, width, channels = images.shape[1:]
  area = least + (1 - least) * u[:, 0]
  side = jnp.round(jnp.sqrt(area * height * width))
  side = jnp.clip(side, 1, min(height, width))
  room = jnp.array([[height + 1.0, width + 1.0]]) - side[:, None]
  corner = jnp.floor(u[:, 1:] * room)

  def one(image: Array, side: Array, corner: Array) -> Array:
    scale = jnp.array(size) / side
    return jax.image.scale_and_translate(
      image, (*size, channels), (0, 1), scale, -corner * scale, 'linear'
    )

  return jax.vmap(one)(images, side, corner)


def resized(
  key: Array, images: Array, siamese: bool, *, least: float = 0.08
) -> Array:
  """Enlarges a part of each image, of its own aspect ratio, to its size.

  A family of `images.augment`: the part's area is a share drawn from
  U(least, 1), and it stands anywhere in the image.

  Args:
    key: a random key.
    images: `f[n, H, W, C]`.
    siamese: one draw for all images.
    least: share of the area, in (0, 1].

  Deviations: `torchvision.transforms.RandomResizedCrop` also stretches parts,
    by 3/4 to 4/3.

  Source: Szegedy et al., Going Deeper with Convolutions, CVPR 2015, sec. 6.

  >>> resized(jax.random.key(0), jnp.ones((2, 8, 8, 3)), True).shape
  (2, 8, 8, 3)
  """
  n, *shape = images.shape
  u = draw(key, 3, images, siamese)[..., 0, 0, 0]
  side = jnp.sqrt(least + (1 - least) * u[:1])
  corner = u[1:] * (1 - side) * jnp.array(shape[:2])[:, None]

  def one(image: Array, side: Array, corner: Array) -> Array:
    scale = jnp.broadcast_to(1 / side, (2,))
    return jax.image.scale_and_translate(
      image, shape, (0, 1), scale, -corner * scale, 'linear'
    )

  return jax.vmap(one)(
    images, jnp.broadcast_to(side.T, (n, 1)), jnp.broadcast_to(corner.T, (n, 2))
  )
