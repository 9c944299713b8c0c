"""Diagnostics as they are asked for: from a config or a command line to a folder of results."""

from qnlr.study.diagnosis.orders import Order as Order
from qnlr.study.diagnosis.orders import is_diagnosis as is_diagnosis
from qnlr.study.diagnosis.orders import load_order as load_order
from qnlr.study.diagnosis.orders import order as order
from qnlr.study.diagnosis.performing import diagnose_config as diagnose_config
from qnlr.study.diagnosis.performing import perform as perform
from qnlr.study.diagnosis.script import main as main
from qnlr.study.diagnosis.script import perform_and_show as perform_and_show
