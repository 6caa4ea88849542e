"""The checks of an architecture, in the order in which they are done."""

from ganzoo.testing.building import BUILD
from ganzoo.testing.cuda import CUDA
from ganzoo.testing.mapping import MAPPING
from ganzoo.testing.networks import NETWORKS
from ganzoo.testing.objectives import OBJECTIVES
from ganzoo.testing.processes import PROCESSES, start
from ganzoo.testing.running import RUNNING
from ganzoo.testing.subject import ArchSubject
from ganzoo.testing.training import TRAINING
from ganzoo.testing.ways import WAYS

GROUPS = [BUILD, NETWORKS, MAPPING, OBJECTIVES, TRAINING, RUNNING, WAYS, PROCESSES, CUDA]
SUBJECT = ArchSubject
PREPARE = start  # the two processes take seconds to be there
