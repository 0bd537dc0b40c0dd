"""Certificates of ports: what was declared, what was computed, what came out."""
