"""Writes lists, results and errors for a terminal, a pipe or a program."""
