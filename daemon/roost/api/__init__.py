"""What the daemon can be asked: methods with their types, the JSON-RPC codec, the OpenRPC document.  Pure."""
