"""Circuits on IBM devices: priced first, written down before they are submitted, paid for once."""

from qnlr.backends.ibm.backend import IBMBackend as IBMBackend
from qnlr.backends.ibm.backend import Paying as Paying
from qnlr.backends.ibm.settings import DeviceSettings as DeviceSettings
