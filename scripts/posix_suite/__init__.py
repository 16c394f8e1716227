"""POSIX suite: pjdfstest on a mounted vault, or on a plain folder to compare with.

The suite is not part of this project. Whoever wants to run it fetches and builds it, and names its folder.
"""
