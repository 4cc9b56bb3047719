"""The images that are built here: ``table`` names each with its recipe.

An image that needs special steps has a module here, and its files in ``files``. Imports the modules of ``build``.
"""
