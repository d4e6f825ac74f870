"""Expert trajectories: trained once, resumed, checked, and shared by runs."""

from rdd_jax.experts.stage import Buffer as Buffer
from rdd_jax.experts.stage import trajectories as trajectories
