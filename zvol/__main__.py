"""The entry point of `python -m zvol`."""

from zvol.cli import main

main()
