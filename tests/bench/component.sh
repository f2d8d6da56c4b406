# The component of every measurement: says that it has started (its pid and name, into a FIFO), then sleeps.
echo "$$ $1" >"$2"
exec sleep 100000
