"""Dead letters: what waits in the topics of records that a reader could not process, and how they are sent again."""
