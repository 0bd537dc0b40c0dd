"""Puzzle embeddings on disk: a table of which a run reads single rows, never the whole.

``formats`` says how a row is stored, ``write`` makes a table file, ``table`` reads rows from one and logs
each read, ``quality`` measures what a format loses, ``cli`` is ``python -m refimpl embeddings``.
"""

from workbench.embeddings.formats import RowFormat, parse_row_format
from workbench.embeddings.table import FloatRows, IntegerRows, RowRead, StoredTable, open_table, with_table
from workbench.embeddings.write import TableSource, from_network, seeded_source, write_table

__all__ = [
    "FloatRows",
    "IntegerRows",
    "RowFormat",
    "RowRead",
    "StoredTable",
    "TableSource",
    "from_network",
    "open_table",
    "parse_row_format",
    "seeded_source",
    "with_table",
    "write_table",
]
