"""Control surfaces generated from the table for any model: Open Stage Control and Pure Data. Needs no torch."""
