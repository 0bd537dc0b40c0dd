"""Reports as text: one module a form, each a pure function of the report."""
