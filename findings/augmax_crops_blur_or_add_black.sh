#!/usr/bin/env bash
# augmax 0.4.1 with JAX 0.10.2: a random crop is blurred, or has black borders.
#
# Guess: `RandomCrop(32, 32)` of a 40x40 image is one of its 81 excerpts, as
# elsewhere. `RandomSizedCrop(32, 32)` takes a part of an image and resizes it;
# `prevent_underzoom=True`, the default, keeps it inside of the image.
# Seen: RandomCrop draws offsets between pixels, and interpolates: no crop is an
# excerpt, and fine detail loses over half of its variance, while CenterCrop is
# exact, so that a network trains on blurred images and is tested on sharp ones.
# RandomSizedCrop zooms out by up to two, and fills with black: half of the
# crops of a white 32x32 image have a border, a quarter of all pixels; so do two
# in five crops of 224 from 256. The bound that should prevent it takes the
# logarithm of the ratio of sizes where the ratio is meant. `zoom_range=(1, 2)`
# has no borders, at equal sizes.
# Output: RandomCrop: 0 of 1000 are excerpts, 43% of the variance;
#   RandomSizedCrop: 51% with black, 24% of pixels; from 256: 42%, 17%;
#   zoom_range=(1, 2): 0%
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q augmax==0.4.1 jax==0.10.2 jaxlib==0.10.2 \
  numpy==2.4.6
cd "$scratch"
JAX_PLATFORMS=cpu "$scratch/venv/bin/python" -W error - 2> log <<'END' || {
import augmax
import jax
import jax.numpy as jnp
import numpy as np

KEYS = jax.random.split(jax.random.key(0), 1000)


def crops(transform, image, keys=KEYS):
  chain = augmax.Chain(transform)
  return np.asarray(jax.lax.map(lambda key: chain(key, image), keys))


def black(transform, side=32, keys=KEYS):
  """The share of crops of a white image with black, and that of pixels."""
  found = crops(transform, np.ones((side, side, 1), np.float32), keys) < 0.5
  return found.any((1, 2, 3)).mean(), found.mean()


noise = np.random.default_rng(0).random((40, 40, 1), np.float32)
excerpts = np.stack(
  [noise[i : i + 32, j : j + 32] for i in range(9) for j in range(9)]
)
found = crops(augmax.RandomCrop(32, 32), noise)
off = jax.lax.map(lambda crop: jnp.abs(crop - excerpts).max((1, 2, 3)), found)
exact = int((off.min(1) < 1 / 255).sum())
detail = found.var((1, 2, 3)).mean() / noise.var()
center = crops(augmax.CenterCrop(32, 32), noise)
assert (center == noise[4:36, 4:36]).all()
same = black(augmax.RandomSizedCrop(32, 32))
smaller = black(augmax.RandomSizedCrop(224, 224), 256, KEYS[:300])
above = black(augmax.RandomSizedCrop(32, 32, zoom_range=(1.0, 2.0)))
print(
  f'RandomCrop: {exact} of {len(KEYS)} are excerpts, {detail:.0%} of the '
  'variance; RandomSizedCrop: {:.0%} with black, {:.0%} of pixels; '
  'from 256: {:.0%}, {:.0%}; '.format(*same, *smaller)
  + f'zoom_range=(1, 2): {above[0]:.0%}'
)
assert exact < 10 and detail < 0.6, 'the behavior has changed'
assert above[0] == 0, above
assert same[0] > 0.4 and smaller[0] > 0.3, 'the behavior has changed'
END
  cat log >&2
  exit 1
}
