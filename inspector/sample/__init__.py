"""Sample memories: the hand-written ones in `sample_data/`, and generated ones of any number."""

from inspector.sample.files import load_sample_records as load_sample_records
from inspector.sample.generator import generate as generate

__all__ = ["generate", "load_sample_records"]
