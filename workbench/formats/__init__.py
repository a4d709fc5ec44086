"""How dates are written: year first, 24 hours, in both languages, since readers come from everywhere."""
