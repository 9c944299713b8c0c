"""The adapter to qiskit-ibm-runtime: its primitives, jobs, sessions and errors.

Nothing else of the backend speaks to that package but :mod:`qnlr.backends.ibm.service`. Importing
it takes seconds, so it is imported where it is needed.
"""

from qnlr.backends.ibm.runtime.jobs import Job as Job
from qnlr.backends.ibm.runtime.jobs import JobReport as JobReport
from qnlr.backends.ibm.runtime.jobs import find as find
from qnlr.backends.ibm.runtime.jobs import retrieve as retrieve
from qnlr.backends.ibm.runtime.layers import find_layers as find_layers
from qnlr.backends.ibm.runtime.layers import layer_digest as layer_digest
from qnlr.backends.ibm.runtime.layers import learn as learn
from qnlr.backends.ibm.runtime.layers import learner_options as learner_options
from qnlr.backends.ibm.runtime.layers import needs_layer_noise as needs_layer_noise
from qnlr.backends.ibm.runtime.layers import with_layer_noise as with_layer_noise
from qnlr.backends.ibm.runtime.modes import active_seconds as active_seconds
from qnlr.backends.ibm.runtime.modes import close_mode as close_mode
from qnlr.backends.ibm.runtime.modes import instance_of as instance_of
from qnlr.backends.ibm.runtime.modes import open_mode as open_mode
from qnlr.backends.ibm.runtime.modes import refresh as refresh
from qnlr.backends.ibm.runtime.modes import reopened_mode as reopened_mode
from qnlr.backends.ibm.runtime.primitives import Options as Options
from qnlr.backends.ibm.runtime.primitives import Pub as Pub
from qnlr.backends.ibm.runtime.primitives import checked_options as checked_options
from qnlr.backends.ibm.runtime.primitives import executions as executions
from qnlr.backends.ibm.runtime.primitives import noise_factors as noise_factors
from qnlr.backends.ibm.runtime.primitives import outcome_counts as outcome_counts
from qnlr.backends.ibm.runtime.primitives import resolved as resolved
from qnlr.backends.ibm.runtime.primitives import submit as submit
from qnlr.backends.ibm.runtime.primitives import with_run as with_run
from qnlr.backends.ibm.runtime.trouble import translated as translated
