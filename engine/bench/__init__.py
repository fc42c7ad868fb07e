"""Measures a store against its bars, on a scratch copy of it; reports, and judges nothing else.

```python
report = await measure(Path("agent.db"), Settings(quick=True))
print(as_markdown([report]))
```
"""

from __future__ import annotations

from engine.bench.machine import Machine as Machine
from engine.bench.rendering import as_markdown as as_markdown
from engine.bench.rendering import as_record as as_record
from engine.bench.rendering import as_text as as_text
from engine.bench.rendering import describe_bar as describe_bar
from engine.bench.results import Bar as Bar
from engine.bench.results import Measurement as Measurement
from engine.bench.results import Report as Report
from engine.bench.results import Timings as Timings
from engine.bench.running import Settings as Settings
from engine.bench.running import measure as measure
from engine.bench.running import measure_in_place as measure_in_place
from engine.bench.scratch import scratch_copy as scratch_copy
from engine.bench.scratch import scratch_folder as scratch_folder

__all__ = [
    "Bar",
    "Machine",
    "Measurement",
    "Report",
    "Settings",
    "Timings",
    "as_markdown",
    "as_record",
    "as_text",
    "describe_bar",
    "measure",
    "measure_in_place",
    "scratch_copy",
    "scratch_folder",
]
