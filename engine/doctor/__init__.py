"""What is wrong with a store, what of it can be repaired, and what can be saved from it."""

from engine.doctor.examining import examine as examine
from engine.doctor.filling import FillReport as FillReport
from engine.doctor.filling import fill as fill
from engine.doctor.filling import fill_from_backups as fill_from_backups
from engine.doctor.repairing import REPAIRS as REPAIRS
from engine.doctor.repairing import repair as repair
from engine.doctor.report import Check as Check
from engine.doctor.report import CheckState as CheckState
from engine.doctor.report import Examination as Examination
from engine.doctor.report import Repair as Repair
from engine.doctor.salvaging import SalvageReport as SalvageReport
from engine.doctor.salvaging import salvage as salvage

__all__ = [
    "REPAIRS",
    "Check",
    "CheckState",
    "Examination",
    "FillReport",
    "Repair",
    "SalvageReport",
    "examine",
    "fill",
    "fill_from_backups",
    "repair",
    "salvage",
]
