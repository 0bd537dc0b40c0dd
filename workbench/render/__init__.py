"""How commands print: grids, plots and sentences of a sheet, in any of the report's forms."""
