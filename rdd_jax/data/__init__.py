"""Data sets as uint8 arrays: by name, from files, from arrays, or mock."""

from rdd_jax.data.dataset import Dataset as Dataset
from rdd_jax.data.dataset import Split as Split
from rdd_jax.data.dataset import from_arrays as from_arrays
from rdd_jax.data.dataset import require_shape as require_shape
from rdd_jax.data.dataset import take as take
from rdd_jax.data.mocks import GROUPED as GROUPED
from rdd_jax.data.mocks import SHAPES as SHAPES
from rdd_jax.data.mocks import mock as mock
from rdd_jax.data.noise import corrupt as corrupt
from rdd_jax.data.noise import effective_rate as effective_rate
from rdd_jax.data.noise import stand_in as stand_in
from rdd_jax.data.outliers import load_outliers as load_outliers
from rdd_jax.data.outside import OutsideSet as OutsideSet
from rdd_jax.data.outside import load_outside as load_outside
from rdd_jax.data.rare import rarefy as rarefy
from rdd_jax.data.rare import recoloured as recoloured
from rdd_jax.data.sources import load as load
from rdd_jax.data.sources import load_split as load_split
from rdd_jax.data.split import split_validation as split_validation
