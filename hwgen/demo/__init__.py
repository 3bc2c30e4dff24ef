"""The page of `hwgen demo`: a board at work, virtual or real, beside the golden model."""
