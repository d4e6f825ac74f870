"""Builds the initialization of the synthetic set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.config.build import experts
from rdd_jax.config.build.given import Given
from rdd_jax.config.defaults import Config
from rdd_jax.core import keys
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.losses import centered, uncentered
from rdd_jax.core.measure import Measure
from rdd_jax.core.transform import DataSpec, Transform
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.synthetic import selection, view
from rdd_jax.synthetic.crops import Selection
from rdd_jax.synthetic.init import (
  Start,
  ensemble_logits,
  expert_logits,
  from_noise,
  from_real,
  recognized,
  stored,
)
from rdd_jax.synthetic.view import Synthetic
from rdd_jax.training.probe import Probe
from rdd_jax.training.teacher import teacher_of

Experts = Sequence[np.ndarray]  # f[snapshots, p] each
TINY = 1e-6  # the least probability that is told from 0


def initial(
  config: Config,
  net: nn.Module,
  spec: DataSpec,
  preprocess: Preprocessing,
  transform: Transform,
  scorer: Probe,
  given: Given | None = None,
) -> Callable[..., Synthetic]:
  """Builds the initialization of the synthetic set.

  Args:
    config: of which `synthetic` is read.
    net: the network of the experts, or of the teacher, if there are any.
    spec: the sizes.
    preprocess: from uint8 images to network inputs.
    transform: makes the outliers that outlier slots start from.
    scorer: scores images for it.
    given: what a set of the path `synthetic.init` holds.

  Returns:
    `(key, images u8[N, H, W, C], measure, trajectories=None) -> Synthetic`.
    Without the experts that it needs, it returns parameters of the same shapes.

  Raises:
    UserError: for an unknown initialization or label kind, `predicted` with an
      objective that has no buffer of experts, or with a factor above 1, or
      `selected` in groups that the data have not.
  """
  options = config.synthetic
  cells = view.layout(
    spec.num_classes, options.ipc, options.slots, options.slot_images
  )
  copies = options.factor**2
  rows = options.ipc * copies
  real = partial(
    from_real,
    spec,
    rows,
    outliers=(options.slot_images or options.ipc) * copies,
    preprocess=preprocess,
    transform=transform,
    probe=scorer,
  )
  table = {
    'real': real,
    'noise': lambda: from_noise(len(cells) * copies),
    'predicted': real,
    'selected': real,
  }
  # Of what is recovered without real rows, outliers still are corrupted ones.
  apart = options.init == 'noise' and config.objective.name == 'recovery'
  if apart and options.slots:
    table['noise'] = lambda: _noise_of_classes(real(), spec, rows)
  if given is not None:  # the rows that it has not are as from real ones
    table[options.init] = table[
      'noise' if len(given.images) == len(cells) else 'real'
    ]
  begin = stored(
    choose('initialization', options.init, table)(),
    options.factor,
    preprocess if options.space == 'pixels' else None,
  )
  predicted = options.init == 'predicted'
  selected = options.init == 'selected'
  if predicted and not (experts.matched(config) and options.factor == 1):
    raise UserError(
      'synthetic.init=predicted takes rows that experts recognise: use '
      'objective.name=trajectory with a buffer and factor=1, or init=real'
    )
  kinds = {
    **{'hard': False, 'soft': True, 'free': True},
    **dict.fromkeys(experts.TAUGHT, False),
  }
  learned = choose('label kind', options.labels, kinds)
  if selected:
    _selection(config, spec)  # an error comes before a teacher is trained
  soft = options.labels == 'soft'
  targets = view.hard_targets(cells, spec.num_classes, spec.num_outputs)
  smooth = np.log(0.9 * targets + 0.1 / spec.num_outputs)
  # Of the norm that FRePo starts from, which is a one-hot one's at 10 classes.
  small = (10 / max(spec.num_classes, 10)) ** 0.5
  share = 1 / spec.num_outputs
  free = small * (targets - share) + share
  classes = slice(spec.num_classes * options.ipc)

  def recognizable(
    key: Array, images: Array, measure: Measure, last: list[np.ndarray]
  ) -> Array:
    picked = recognized(
      net, last, key, images, measure, spec.num_classes, rows, preprocess
    )
    return preprocess(images[picked])

  def realistic(
    key: Array, images: Array, measure: Measure, last: list[np.ndarray]
  ) -> Array:
    found, _ = selection.realistic(
      teacher_of(net, last[0], images.shape[1:]),
      keys.named(key, 'selection'),
      images,
      measure,
      _selection(config, spec),
      num_classes=spec.num_classes,
      ipc=rows,
      preprocess=preprocess,
    )
    return jnp.asarray(found)

  def start(
    key: Array,
    images: Array,
    measure: Measure,
    trajectories: Experts | None = None,
  ) -> Synthetic:
    key = keys.named(key, 'initial')
    values = begin(key, images, measure)
    logits = jax.device_put(smooth if soft else free)
    if given is not None:
      first = slice(len(given.images))
      pixels = jnp.asarray(given.images)
      pixel_space = options.space == 'pixels'
      put = jnp.clip(pixels, 0, 1) if pixel_space else preprocess(pixels)
      values = values.at[first].set(put)
      if given.label_kind != 'hard' and learned:
        logits = logits.at[first].set(_given_logits(given, options))
    last = [snapshots[-1] for snapshots in trajectories or ()]
    if (predicted or selected) and last:
      inputs = (recognizable if predicted else realistic)(
        key, images, measure, last
      )
      if options.space == 'pixels':
        inputs = jnp.clip(preprocess.inverse(inputs), 0, 1)
      inputs = view.encode(inputs, options.factor)
      values = values.at[classes].set(inputs)
    if soft and last and not (given and given.label_kind == 'soft'):
      inputs = values[classes]
      if options.space == 'pixels':
        inputs = preprocess(inputs)
      found = expert_logits(net, last, inputs)
      logits = logits.at[classes].set(ensemble_logits(found, cells[classes]))
    return Synthetic(
      images=values,
      logits=logits if learned else None,
      step_size=jnp.float32(options.step_size) if options.step_size else None,
      log_scale=jnp.log(jnp.float32(_scale(given, options)))
      if options.label_scale
      else None,
    )

  return start


def _noise_of_classes(start: Start, spec: DataSpec, rows: int) -> Start:
  """Starts as `start` does, with noise in the place of classes."""
  classes = spec.num_classes * rows

  def begun(key: Array, images: Array, measure: Measure) -> Array:
    noise = from_noise(classes)(key, images, measure)
    return start(key, images, measure).at[:classes].set(noise)

  return begun


def _selection(config: Config, spec: DataSpec) -> Selection:
  """Returns which crops are looked at, in groups of the data where asked."""
  options = config.selection.to_dict()
  if options['groups'] < 0:
    if not spec.num_groups:
      raise UserError(
        'selection.groups=-1 takes the groups of the data set, which has none: '
        'make some by data.rare=line-0.1, or find them by groups=found'
      )
    options['groups'] = spec.num_groups
  return Selection(**options)


def _given_logits(given: Given, options: Config) -> Array:
  """Returns what is learned of labels, where the targets are those given."""
  targets = jnp.asarray(given.targets)
  if options.labels == 'soft':
    return jnp.log(jnp.maximum(targets, TINY))
  if given.label_kind == 'free' and not options.label_scale:
    return uncentered(given.scale * centered(targets))
  return targets


def _scale(given: Given | None, options: Config) -> float:
  free = given is not None and given.label_kind == 'free'
  return given.scale if given is not None and free else options.label_scale
