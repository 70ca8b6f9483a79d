"""What an insurer's remittance (X12 835) says, worked out without a database (docs/era.md)."""
