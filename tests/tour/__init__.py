"""The demo clinic walked in a real browser, with pictures: `make screenshots`.

The walks of docs/tour.md (`walks`), each counted in clicks and keys, and every screen there is in
the sizes and themes that people have (`gallery`). Pictures go into docs/screens/; what is too much
to keep there goes into a folder of one's own (`--all FOLDER`).
"""
