"""Control surfaces for any model, generated from the table: Open Stage Control and Pure Data. No torch."""
