"""How lists, results and errors look: on a terminal, in a pipe, and to programs."""
