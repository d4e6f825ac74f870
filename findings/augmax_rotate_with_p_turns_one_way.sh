#!/usr/bin/env bash
# augmax 0.4.1 with JAX 0.10.2: `Rotate` with a probability turns one way only.
#
# Guess: `Rotate((-30, 30), p=0.5)` leaves half of the images as they are, and
# turns the others by angles between -30 and 30 degrees, left as often as right.
# Seen: all that turn, turn clockwise. The coin and the angle are drawn with the
# same key, from the same bits: a draw below p both turns the image and lies in
# the lowest share p of the angles. With p=0.2 each turn is of 18 to 30 degrees;
# small angles never occur. With p=1, the default, turns are as guessed.
# Brightness, contrast and gamma split their key, and vary to both sides with
# any p.
# Output: p=1: 50% left, 50% right, from 0 degrees; p=0.5: 0% left, 50% right,
#   from 0 degrees; p=0.2: 0% left, 20% right, from 18 degrees
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

KEYS = jax.random.split(jax.random.key(0), 4000)
# A white square at three o'clock, whose angle is that of the image.
IMAGE = np.zeros((65, 65, 1), np.float32)
IMAGE[30:35, 58:63] = 1
Y, X = np.mgrid[-32:33, -32:33]


def angles(p):
  """Degrees clockwise, of each key."""
  rotate = augmax.Chain(augmax.Rotate((-30, 30), p=p))

  def angle(key):
    turned = rotate(key, IMAGE)[..., 0]
    return jnp.degrees(jnp.arctan2((turned * Y).sum(), (turned * X).sum()))

  return np.asarray(jax.jit(jax.vmap(angle))(KEYS))


seen, words = [], []
for p in (1.0, 0.5, 0.2):
  found = angles(p)
  turned = np.abs(found) > 0.01
  least = np.abs(found[turned]).min()
  seen.append(((found < -0.01).mean(), (found > 0.01).mean(), least))
  words.append('p={:g}: {:.0%} left, {:.0%} right, from {:.0f} degrees'.format(
    p, *seen[-1]
  ))
print('; '.join(words))
for (left, right, least), expected in zip(
  seen, ((0.5, 0.5, 0), (0, 0.5, 0), (0, 0.2, 18)), strict=True
):
  close = np.abs(np.subtract((left, right), expected[:2])) < 0.03
  assert close.all() and abs(least - expected[2]) < 0.5, 'it has changed'
assert seen[1][0] == seen[2][0] == 0, 'the behavior has changed'
END
  cat log >&2
  exit 1
}
