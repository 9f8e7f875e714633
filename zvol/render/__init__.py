"""How results, lists and errors look: to people, in pipes, and to programs."""

from zvol.render.output import Output as Output
