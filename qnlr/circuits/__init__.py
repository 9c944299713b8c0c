"""Circuits: encodings, ansätze and observables."""

from qnlr.circuits.ansatz import ANSATZES as ANSATZES
from qnlr.circuits.ansatz import efficient_su2 as efficient_su2
from qnlr.circuits.ansatz import hardware_efficient as hardware_efficient
from qnlr.circuits.encodings import ENCODINGS as ENCODINGS
from qnlr.circuits.encodings import Encoding as Encoding
from qnlr.circuits.encodings import amplitude as amplitude
from qnlr.circuits.encodings import angle as angle
from qnlr.circuits.encodings import zz as zz
from qnlr.circuits.observables import OBSERVABLES as OBSERVABLES
from qnlr.circuits.observables import global_z as global_z
from qnlr.circuits.observables import mean_z as mean_z
from qnlr.circuits.observables import variance as variance
from qnlr.circuits.observables import z as z
from qnlr.circuits.variational import VariationalCircuit as VariationalCircuit
from qnlr.circuits.variational import require_shift_rule as require_shift_rule
from qnlr.circuits.variational import variational_circuit as variational_circuit
