"""Money: bills, payments, and which payment paid which line (docs/map.md says where what is)."""
