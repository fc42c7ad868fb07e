"""What is wrong with a store, what of it can be repaired, and what can be saved from it."""

from engine.doctor.examining import examine as examine
from engine.doctor.repairing import REPAIRS as REPAIRS
from engine.doctor.repairing import repair as repair
from engine.doctor.report import Check as Check
from engine.doctor.report import CheckState as CheckState
from engine.doctor.report import Examination as Examination
from engine.doctor.report import Repair as Repair

__all__ = ["REPAIRS", "Check", "CheckState", "Examination", "Repair", "examine", "repair"]
