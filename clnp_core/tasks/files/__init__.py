"""Own data from files: `.npz`, CSV, Parquet, or images by class in a folder or a zip; and how it becomes tasks.

Files are taken as anybody's: nothing is unpickled or unpacked onto the disk, what a file says of its size is checked
before it is read, and what is wrong is refused in a sentence. A file, what it unpacks to and the arrays it becomes have
at most 2 GiB each (`MOST_BYTES`), a CSV file 512 MiB, a table 100,000 columns and 134 million values, a folder or zip a
million files, an image 64 MiB and 50 million pixels. Imports no torch.
"""

from clnp_core.tasks.files.adding import from_file
from clnp_core.tasks.files.dividing import Part, divided, part_arrays
from clnp_core.tasks.files.reading import column_names, read
from clnp_core.tasks.files.samples import MOST_BYTES, Samples

__all__ = ["MOST_BYTES", "Part", "Samples", "column_names", "divided", "from_file", "part_arrays", "read"]
