"""The precision laboratory: variants, sweeps, diagnosis, report."""
