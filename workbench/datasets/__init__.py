"""Puzzles of a user's own, for any task: arrays, official data set folders, csv, ARC files."""
