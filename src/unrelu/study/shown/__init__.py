"""What a study shows of the answers to a question: sentences, tables and figures, as data; the report draws them."""
