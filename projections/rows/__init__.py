"""What is folded: for each kind of stream, the rows that its facts make."""
