"""Readers of file formats, one module each.

A further format is a subclass of `base.Format` in a module of its own and one line in `registry.FORMATS`, or an entry
point in the group "seqloom.formats".
"""
