"""``python -m refimpl models``: what each configuration stores and computes, all of it counted."""
