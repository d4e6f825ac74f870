"""Data sets as uint8 arrays: by name, from files, from arrays, or mock."""

from rdd_jax.data.checks import require_shape as require_shape
from rdd_jax.data.dataset import Dataset as Dataset
from rdd_jax.data.dataset import Split as Split
from rdd_jax.data.dataset import from_arrays as from_arrays
from rdd_jax.data.dataset import take as take
from rdd_jax.data.facts import facts as facts
from rdd_jax.data.groups.rare import rarefy as rarefy
from rdd_jax.data.groups.rare import recoloured as recoloured
from rdd_jax.data.injected import MOCK as MOCK
from rdd_jax.data.injected import injected as injected
from rdd_jax.data.load import load as load
from rdd_jax.data.load import load_images as load_images
from rdd_jax.data.load import load_split as load_split
from rdd_jax.data.mock import mock as mock
from rdd_jax.data.noise.inject import corrupt as corrupt
from rdd_jax.data.noise.inject import effective_rate as effective_rate
from rdd_jax.data.noise.inject import stand_in as stand_in
from rdd_jax.data.ood.outliers import load_outliers as load_outliers
from rdd_jax.data.ood.sets import OODImages as OODImages
from rdd_jax.data.ood.sets import load_ood as load_ood
from rdd_jax.data.relabel import relabeled as relabeled
from rdd_jax.data.split import split_validation as split_validation
from rdd_jax.images.published import GROUPED as GROUPED
from rdd_jax.images.published import SHAPES as SHAPES
