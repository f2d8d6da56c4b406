"""A gRPC server with grpc.health.v1 on PORT; it serves as long as there is no file `sick`."""

import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

server = grpc.server(futures.ThreadPoolExecutor(4))
servicer = health.HealthServicer()
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print("serving", flush=True)
while True:
    sick = Path("sick").exists()
    status = health_pb2.HealthCheckResponse.NOT_SERVING if sick else health_pb2.HealthCheckResponse.SERVING
    servicer.set("shop.Orders", status)
    time.sleep(0.05)
