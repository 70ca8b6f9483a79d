"""The chain of seals over the books: what was written cannot be changed unseen.

acts.py     which rows an act writes, noted while it goes on
tables.py   which tables are sealed, and what a row says, as a text
links.py    the seal at the end of an act: one link for all its rows
replay.py   looking whether every row still is as it was sealed
"""
