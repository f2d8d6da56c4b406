"""Containers as components: what the keeper is to processes, the engine and this package are to containers.

`order` and `naming` say how a container is made and whose it is, `finding` what a look at the engine means; all
three are pure.  `hands` start and end, `sight` follows the engine, `images` fetches and builds, `figures` keeps
what `status` shows.  Imported when the first component has an image, and not before.
"""
