"""The published tables as typed records, and the paper's claims."""
