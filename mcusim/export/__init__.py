"""A deployment as a folder of C that builds without this project."""
