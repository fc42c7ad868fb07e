"""Backups of a store: made while it is in use, proven, kept in chains, restored without it."""

from __future__ import annotations

from engine.backups.catalogue import Catalogue as Catalogue
from engine.backups.catalogue import read_catalogue as read_catalogue
from engine.backups.chain import restore_chain as restore_chain
from engine.backups.findings import Finding as Finding
from engine.backups.manifest import Backup as Backup
from engine.backups.manifest import Manifest as Manifest
from engine.backups.verifying import VerifyReport as VerifyReport

__all__ = [
    "Backup",
    "Catalogue",
    "Finding",
    "Manifest",
    "VerifyReport",
    "read_catalogue",
    "restore_chain",
]
