"""Expert trajectories: trained once, resumed, checked, and shared by runs."""

from rdd_jax.experiment.experts.store import Buffer as Buffer
from rdd_jax.experiment.experts.train import trajectories as trajectories
