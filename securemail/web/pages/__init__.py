"""One blueprint per area: parse, ask, call one verb, render."""
