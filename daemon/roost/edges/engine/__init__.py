"""Everything that speaks to a Docker or Podman engine; `api` says what can be asked, `connect` finds one.

Nothing here decides: what a container's end means for its component is the core's.  The `docker` library is
imported by the first call, not before.
"""
