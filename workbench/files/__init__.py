"""The one door in (``inputs``, taken apart by ``fields``) and the one door out (``outputs``)."""
