"""How platforms hand out the audit log of a cluster: as it is, or in envelopes of their own."""

from simulation.envelopes.aks import Aks
from simulation.envelopes.eks import Eks
from simulation.envelopes.gke import Gke
from simulation.envelopes.native import Envelope, Native

__all__ = ["Aks", "Eks", "Envelope", "Gke", "Native"]
