"""Sets that others made, evaluated like our own.

Their files say nothing of the data set, the network and the recipe, so these
come from a configuration: that of distribution matching on the data set that
is named, or any other that is given.
"""

from rdd_jax.experiment.third_party.inputs import WHITENING as WHITENING
from rdd_jax.experiment.third_party.load import Other as Other
from rdd_jax.experiment.third_party.load import load as load
from rdd_jax.experiment.third_party.recipe import config_for as config_for
from rdd_jax.experiment.third_party.recipe import describe as describe
from rdd_jax.experiment.third_party.recipe import learning_rate as learning_rate
from rdd_jax.experiment.third_party.told import Told as Told
