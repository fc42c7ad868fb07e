"""Files of memories: JSON Lines, plain or compressed, both ways; CSV for spreadsheets."""

from engine.transfer.exporting import export_store as export_store
from engine.transfer.files import Format as Format
from engine.transfer.importing import OnConflict as OnConflict
from engine.transfer.importing import import_file as import_file
from engine.transfer.importing import import_records as import_records
from engine.transfer.records import item_record as item_record
from engine.transfer.report import TransferProgress as TransferProgress
from engine.transfer.report import TransferReport as TransferReport

__all__ = [
    "Format",
    "OnConflict",
    "TransferProgress",
    "TransferReport",
    "export_store",
    "import_file",
    "import_records",
    "item_record",
]
