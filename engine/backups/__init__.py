"""Backups of a store: made while it is in use, proven, kept in chains, restored without it.

`store.backups` does it all for an open store. What is here needs none, since that may be what was
lost: reading a directory, verifying, restoring, pruning.
"""

from __future__ import annotations

from engine.backups.catalogue import Catalogue as Catalogue
from engine.backups.catalogue import default_directory as default_directory
from engine.backups.catalogue import read_catalogue as read_catalogue
from engine.backups.chain import restore_chain as restore_chain
from engine.backups.findings import Finding as Finding
from engine.backups.manifest import Backup as Backup
from engine.backups.manifest import Kind as Kind
from engine.backups.manifest import Manifest as Manifest
from engine.backups.offline import copy_backup as copy_backup
from engine.backups.offline import prune_backups as prune_backups
from engine.backups.offline import restore_file as restore_file
from engine.backups.offline import restore_unreadable as restore_unreadable
from engine.backups.offline import verify_backup as verify_backup
from engine.backups.replacing import replace_damaged as replace_damaged
from engine.backups.retention import PrunePlan as PrunePlan
from engine.backups.retention import Retention as Retention
from engine.backups.retention import plan_prune as plan_prune
from engine.backups.schedule import Due as Due
from engine.backups.threads import Progress as Progress
from engine.backups.verifying import VerifyReport as VerifyReport

__all__ = [
    "Backup",
    "Catalogue",
    "Due",
    "Finding",
    "Kind",
    "Manifest",
    "Progress",
    "PrunePlan",
    "Retention",
    "VerifyReport",
    "copy_backup",
    "default_directory",
    "plan_prune",
    "prune_backups",
    "read_catalogue",
    "replace_damaged",
    "restore_chain",
    "restore_file",
    "restore_unreadable",
    "verify_backup",
]
