"""The icons, one module each; a toolkit is imported by the module that needs it, and only when it is chosen."""
